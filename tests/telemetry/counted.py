"""What has been counted, as tests ask for it."""


def series(metrics, spec):
    """Labels and value of each series of a metric."""
    return [(dict(zip(*labels, strict=True)), value) for labels, value in metrics.scraped().get(spec.name, {}).items()]


def only(metrics, spec):
    [(labels, value)] = series(metrics, spec)
    return labels, value


def total(metrics, spec):
    return sum(value for _, value in series(metrics, spec))
