{{/* Names. */}}
{{- define "outgate.name" -}}
{{- $name := .Values.nameOverride | default (ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name)) -}}
{{- $name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "outgate.image" -}}
{{- with .Values.image -}}
{{- .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end }}

{{/* Labels. What selects takes the release and the component; it must never change. */}}
{{- define "outgate.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "outgate.labels" -}}
{{ include "outgate.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Pods. */}}
{{- define "outgate.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1337
runAsGroup: 1337
fsGroup: 1337
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "outgate.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "outgate.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "outgate.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* One pod a node where there are nodes enough, and as many in each zone. */}}
{{- define "outgate.spread" -}}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "outgate.selector" . | nindent 14 }}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: {{ $.when }}
    labelSelector:
      matchLabels:
        {{- include "outgate.selector" $ | nindent 8 }}
  {{- end }}
{{- end }}

{{/* `KEY: value` of settings, as the variables of `outgate run`. */}}
{{- define "outgate.settings" -}}
{{- range $key, $value := . }}
- name: OUTGATE_{{ upper $key }}
  value: {{ include "outgate.plain" $value | quote }}
{{- end }}
{{- end }}

{{/* A value as text: Helm's numbers are floating, and a million would be 1e+06. */}}
{{- define "outgate.plain" -}}
{{- if kindIs "float64" . }}{{ ternary (int64 . | toString) (toString .) (eq (floor .) .) }}{{ else }}{{ toString . }}{{ end -}}
{{- end }}

{{- define "outgate.environment" -}}
{{- range $key, $value := . }}
- name: {{ $key }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* The policy: what the values say, and ConfigMaps that are there. */}}
{{- define "outgate.policyName" -}}
{{ include "outgate.name" . }}-policy
{{- end }}

{{/* One without a document would be no policy. */}}
{{- define "outgate.policySources" -}}
{{- $own := list -}}
{{- if or (include "outgate.mode" .) .Values.policy.documents }}{{ $own = list (include "outgate.policyName" .) }}{{ end -}}
{{- concat $own .Values.policy.configMaps | default list | toJson -}}
{{- end }}

{{- define "outgate.policyVolume" -}}
name: policy
projected:
  defaultMode: 0444
  sources:
    {{- range . }}
    - configMap: {name: {{ . }}}
    {{- end }}
{{- end }}

{{/* Whether a document among the values says what the mode is. */}}
{{- define "outgate.documentsSayMode" -}}
{{- range $name, $document := .Values.policy.documents -}}
{{- if kindIs "string" $document -}}
{{- if regexMatch "(?m)^kind:\\s*[\"']?EgressDefaults" $document }}{{ $name }}{{ end -}}
{{- else if eq (toString $document.kind) "EgressDefaults" }}{{ $name }}{{ end -}}
{{- end -}}
{{- end }}

{{- define "outgate.mode" -}}
{{- with .Values -}}
{{- if .mode }}{{ .mode -}}
{{- else if not (kindIs "invalid" .enableEgress) }}{{ ternary "ALLOW_ANY" "REGISTRY_ONLY" .enableEgress -}}
{{- else if not (or (include "outgate.documentsSayMode" $) .policy.configMaps .policy.fromCluster.enabled) }}REGISTRY_ONLY{{ end -}}
{{- end -}}
{{- end }}

{{/* The namespaces in which gates read the policy. */}}
{{- define "outgate.namespaces" -}}
{{- $namespaces := .Values.workloads.namespaces -}}
{{- if .Values.gateway.enabled }}{{ $namespaces = append $namespaces .Release.Namespace }}{{ end -}}
{{- uniq $namespaces | toJson -}}
{{- end }}

{{/* Client certificates: the Secret of one, and its volume. */}}
{{- define "outgate.clientSecret" -}}
{{ .certificate.secret | default (printf "%s-client-%s" (include "outgate.name" .root) .certificate.name) }}
{{- end }}

{{- define "outgate.clientVolume" -}}
{{- $files := .certificate.files -}}
{{- if and .certificate.certManager (not $files) }}
{{- $files = dict "tls.crt" "client.crt" "tls.key" "client.key" "ca.crt" "ca.crt" -}}
{{- end -}}
name: client-{{ .certificate.name }}
secret:
  secretName: {{ include "outgate.clientSecret" . }}
  defaultMode: 0440
  {{- with $files }}
  items:
    {{- range $key, $path := . }}
    - {key: {{ $key }}, path: {{ $path }}}
    {{- end }}
  {{- end }}
{{- end }}

{{/* The CA, under the names that the image looks for. */}}
{{- define "outgate.caVolume" -}}
name: ca
secret:
  secretName: {{ .Values.ca.secret }}
  defaultMode: 0440
  items:
    - {key: tls.crt, path: outgate-ca.crt}
    - {key: tls.key, path: outgate-ca.key}
{{- end }}

{{- define "outgate.issuerRef" -}}
{{- if .issuer.name -}}
{name: {{ .issuer.name }}, kind: {{ .issuer.kind | default "ClusterIssuer" }}, group: cert-manager.io}
{{- else -}}
{name: {{ .own }}, kind: Issuer, group: cert-manager.io}
{{- end -}}
{{- end }}

{{- define "outgate.webhookHost" -}}
{{ include "outgate.name" . }}-webhook.{{ .Release.Namespace }}.svc
{{- end }}

{{/* The gateway's place and identity, as sidecars are told them. */}}
{{- define "outgate.gatewayIdentity" -}}
{{ .Values.gateway.identity.secret | default (printf "%s-gateway-identity" (include "outgate.name" .)) }}
{{- end }}

{{- define "outgate.gatewayID" -}}
spiffe://{{ .Values.trustDomain }}/ns/{{ .Release.Namespace }}/sa/{{ include "outgate.name" . }}-gateway
{{- end }}

{{- define "outgate.gatewayAddress" -}}
{{ include "outgate.name" . }}-gateway-pods.{{ .Release.Namespace }}.svc:{{ .Values.gateway.port }}
{{- end }}

{{/* Labels as `outgate run` reads them: `key=value,key=value`. */}}
{{- define "outgate.flatLabels" -}}
{{- $pairs := list -}}
{{- range $key, $value := . }}{{ $pairs = append $pairs (printf "%s=%s" $key $value) }}{{ end -}}
{{- join "," $pairs -}}
{{- end }}

{{/* The file of `outgate webhook --config`. */}}
{{- define "outgate.injection" -}}
image: {{ include "outgate.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
engine: {{ .Values.sidecar.engine }}
sidecar: {{ ternary "native" "classic" .Values.sidecar.native }}
metricsPort: {{ .Values.metrics.port }}
dns: {{ .Values.sidecar.dns }}
policy: {{ include "outgate.policySources" . }}
{{- if .Values.policy.fromCluster.enabled }}
token: true
{{- end }}
authority: {secret: {{ .Values.ca.secret }}}
{{- if .Values.ca.alsoTrusted }}
trust: {alsoTrusted: {{ include "outgate.name" . }}-also-trusted}
{{- end }}
{{- with .Values.sidecar }}
redirect:
  excludePorts: {{ .excludePorts | toJson }}
  excludeCIDRs: {{ .excludeCIDRs | toJson }}
settings:
  {{- $own := dict "metrics_source" $.Values.metrics.source "strict" $.Values.policy.strict }}
  {{- if $.Values.policy.fromCluster.enabled }}
  {{- $own = merge $own (include "outgate.following" $ | fromYaml) (dict "cluster_status" false) }}
  {{- end }}
  {{- if $.Values.gateway.enabled }}
  {{- $own = merge $own (include "outgate.towardsGateway" $ | fromYaml) }}
  {{- end }}
  {{- range $key, $value := merge (deepCopy .settings) $own }}
  {{ $key }}: {{ include "outgate.plain" $value | quote }}
  {{- end }}
environment: {{ .environment | toJson }}
resources:
  {{- toYaml .resources | nindent 2 }}
drainSeconds: {{ .drainSeconds }}
unconfined: {{ .unconfined }}
{{- if not (kindIs "invalid" .annotations) }}
annotations: {{ .annotations | toJson }}
{{- end }}
{{- end }}
{{- with include "outgate.sidecarSecrets" . | trim }}
secrets:
  {{- . | nindent 2 }}
{{- end }}
trustDomain: {{ .Values.trustDomain }}
{{- end }}

{{/* What sidecars are told of the gateway. */}}
{{- define "outgate.towardsGateway" -}}
gateway: {{ include "outgate.gatewayAddress" . }}
gateway_id: {{ include "outgate.gatewayID" . }}
gateway_cert: /etc/outgate/identity/tls.crt
gateway_key: /etc/outgate/identity/tls.key
gateway_ca: /etc/outgate/identity/ca.crt
{{- end }}

{{/* Secrets that sidecars have: their identity where there is a gateway, the client certificates where there is none. */}}
{{- define "outgate.sidecarSecrets" -}}
{{- if .Values.gateway.enabled }}
- {secret: {{ .Values.sidecar.identitySecret }}, path: /etc/outgate/identity}
{{- else }}
{{- range .Values.clientCertificates }}
- {secret: {{ include "outgate.clientSecret" (dict "root" $ "certificate" .) }}, path: {{ .mountPath }}}
{{- end }}
{{- end }}
{{- end }}

{{/* Jobs of the release: they are gone once they have done what they are for. */}}
{{- define "outgate.hook" -}}
helm.sh/hook: {{ . }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}

{{- define "outgate.jobSpec" -}}
backoffLimit: 6
activeDeadlineSeconds: 300
ttlSecondsAfterFinished: 3600
template:
  metadata:
    labels:
      {{- include "outgate.labels" (dict "root" . "component" "certificates") | nindent 6 }}
      outgate.dev/inject: "false"
  spec:
    serviceAccountName: {{ include "outgate.name" . }}-certs
    # The one kind of pod that asks the API server.
    automountServiceAccountToken: true
    enableServiceLinks: false
    restartPolicy: OnFailure
    securityContext:
      {{- include "outgate.podSecurity" . | nindent 6 }}
    {{- with include "outgate.pullSecrets" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with .Values.webhook.tolerations }}
    tolerations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    volumes:
      - {name: tmp, emptyDir: {sizeLimit: 16Mi}}
{{- end }}

{{- define "outgate.jobContainer" -}}
image: {{ include "outgate.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
resources:
  requests: {cpu: 50m, memory: 64Mi}
  limits: {memory: 256Mi}
securityContext:
  {{- include "outgate.containerSecurity" . | nindent 2 }}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
{{- end }}

{{/* Everywhere, but for what nobody may reach. An exception has to be of the block's own family. */}}
{{- define "outgate.outside" -}}
{{- range list "0.0.0.0/0" "::/0" }}
- ipBlock:
    cidr: {{ . | quote }}
    {{- $except := list }}
    {{- $colon := contains ":" . }}
    {{- range $.Values.fence.denyCIDRs }}{{ if eq (contains ":" .) $colon }}{{ $except = append $except . }}{{ end }}{{ end }}
    {{- with $except }}
    except: {{ toJson . }}
    {{- end }}
{{- end }}
{{- end }}

{{/* What is followed in the cluster, as settings. */}}
{{- define "outgate.following" -}}
policy_from_cluster: "true"
{{- with .Values.policy.fromCluster.namespaces }}
cluster_namespaces: {{ join "," . }}
{{- end }}
{{- with .Values.policy.fromCluster.meshes }}
cluster_meshes: {{ join "," . }}
{{- end }}
{{- end }}
