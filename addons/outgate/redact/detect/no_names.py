"""Words that are in no name of a person: those of firms, places, offices and days, and what all are greeted with.

Owns the lists, and how a text is held against them.
"""

from __future__ import annotations

import re

_LISTED = """
    best kind materials regards tea montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar
    märz juni juli oktober dezember contributors languages language license translation translations translators
    account accounts acme admin administration administrator advisor agency agent airlines airport all alle
    analytics and andere api app applicant apr april as associates association aug august authority ave avenue
    bank bay beach board boulevard bridge building business by candidate capital care center central centre chair
    church city client cliente clientes clients clinic club co code coffee colleague colleagues collection college
    commission committee community company computer corp corporation council country county court cup customer
    customers damen data de dec december department dept desk developer developers devs digital director division
    down drive dynamics edition editor electric energy engineer engineering enterprises environment equipe
    everybody everyone family feb february festival finance financial folks food foundation free fri friday friend
    friends from fund furniture gallery gate global gmbh group guest guys hall health heights help herren high
    hill hiring home hospital hotel house hr human inc industries info initiative institute insurance
    international is island islands it january jul july jun june kft kollege kollegen kunde kunden kundin labs
    lake lane legal library limited llc llp logistics lounge ltd madam madame manager mar march market marketing
    may media medical member members memorial ministry mode model mon monday monsieur motor motors mountain mundo
    museum music nagar national network new news no north nov november oct october of office on online operations
    or order orders oy pallet parents park partner partners parts patient payments payroll pharmacy place plaza
    port post press pro product products program project property publishing radio read reader record recruiter
    region research resort resources restaurant river road room round sales salon sat saturday school science
    sciences secret secretary security seguro sep september server service services shop sir society software
    solutions south space springs square staff standard state station store street student students studio studios
    subscriber sun sunday supplies support swimming system systems tables team teams tech technologies technology
    test the there thu thursday to tour tours tower town trading trust tue tuesday university unread up user users
    valley value vendor view village visitor wall wed wednesday welcome west work world www you your zentrum
    zusammen
"""
NO_NAMES = frozenset(_LISTED.split()) | {"hôtel", "café", "équipe"}
"""In lower case."""
_FORMS = """
    Inc Inc. Corp Corp. LLC LLP PLC plc Ltd Ltd. Limited GmbH AG KG SE UG e.V. SAS SARL SA S.A. Srl S.r.l. SpA S.p.A.
    BV B.V. NV N.V. Oy Oyj AB ASA ApS A/S Kft. Kft Zrt. Zrt s.r.o. a.s. d.o.o. Lda. Lda Ltda. Ltda GMBH LTD INC CORP OY
    SRL SPA LTDA LIMITED Pty PTY
"""
FIRMS = frozenset(_FORMS.split())
"""How the names of firms end."""
_WORD = re.compile(r"[^\W\d_]+")


def may_name(text: str) -> bool:
    """No word of it is one that only firms and the like have."""
    return all(word.lower() not in NO_NAMES for word in _WORD.findall(text))


def is_firm(text: str) -> bool:
    """In a text of capitals alone two of them may be the end of somebody's name: `MARIA SA`."""
    _, space, last = text.rpartition(" ")
    return bool(space) and last in FIRMS and not (text.isupper() and len(last) == 2)
