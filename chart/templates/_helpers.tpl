{{- define "coursehub.labels" -}}
app.kubernetes.io/name: coursehub
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* What a site does not say itself: no rights from files, no devices, and a server that is away is waited for. */}}
{{- define "coursehub.mountOptions" -}}
{{- $options := list }}
{{- with .version }}{{ $options = append $options (printf "nfsvers=%v" .) }}{{ end }}
{{- $options = concat $options (list "nosuid" "nodev") }}
{{- if not (or (has "soft" .mountOptions) (has "softerr" .mountOptions)) }}{{ $options = append $options "hard" }}{{ end }}
{{- concat $options (.mountOptions | default list) | uniq | toYaml }}
{{- end }}

{{- /* Of the pods without which nobody reaches a server: upstream's hub and proxy name it in their extraPodSpec. */}}
{{- define "coursehub.priorityClassName" -}}
{{- dig "hub" "extraPodSpec" "priorityClassName" "" .Values.jupyterhub | default "" }}
{{- end }}

{{- /* PersistentVolumes have no namespace, so the name carries it. */}}
{{- define "coursehub.volume" -}}
{{ .Release.Namespace }}-coursehub-storage
{{- end }}

{{- /* What both PersistentVolumes, the servers' and the provisioner's, are a view of. */}}
{{- define "coursehub.volumeSource" -}}
{{- with .Values.storage.nfs }}
nfs:
  server: {{ .server | quote }}
  path: {{ .path | quote }}
mountOptions:
  {{- include "coursehub.mountOptions" . | nindent 2 }}
{{- end }}
{{- with .Values.storage.hostPath }}
hostPath:
  path: {{ . | quote }}
  type: Directory
{{- end }}
{{- end }}

{{- /* What acts as root, which the namespace of servers refuses, has one of its own: the provisioner and the check. */}}
{{- define "coursehub.storageNamespace" -}}
{{ .Release.Namespace }}-storage
{{- end }}

{{- define "coursehub.actsAsRoot" -}}
{{- if or .Values.storage.provisioner.enabled .Values.storage.check.schedule }}true{{ end }}
{{- end }}

{{- define "coursehub.cullerSelector" -}}
app.kubernetes.io/name: coursehub
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: culler
{{- end }}

{{- define "coursehub.provisionerVolume" -}}
{{ .Release.Namespace }}-coursehub-provisioner
{{- end }}

{{- define "coursehub.provisionerSelector" -}}
app.kubernetes.io/name: coursehub
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: provisioner
{{- end }}

{{- /* Of every pod of ours, beside its containers and its user. */}}
{{- define "coursehub.pod" -}}
{{- $hub := .Values.jupyterhub.hub }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $hub.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $hub.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with concat (.Values.jupyterhub.imagePullSecrets | default list) ($hub.image.pullSecrets | default list) }}
imagePullSecrets:
  {{- range . }}
  - {{ kindIs "string" . | ternary (dict "name" .) . | toJson }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* Of a pod that acts as root on the volume, beside its containers. */}}
{{- define "coursehub.rootPod" -}}
{{ include "coursehub.pod" . }}
securityContext:
  runAsUser: 0
  runAsGroup: 0
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- /* Of every container of ours: the hub's image, which holds the package. */}}
{{- define "coursehub.container" -}}
{{- with .Values.jupyterhub.hub.image }}
image: {{ .name }}:{{ .tag }}
{{- with .pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
{{- end }}
# Why it does not start is then in `kubectl describe pod`.
terminationMessagePolicy: FallbackToLogsOnError
# At the end, so that a container can add to it.
env:
  - {name: PYTHONUNBUFFERED, value: "1"}
{{- end }}

{{- /* Of its container, with what it takes to give directories away. */}}
{{- define "coursehub.rootContainer" -}}
{{ include "coursehub.container" . }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
    add: [CHOWN, DAC_OVERRIDE, FOWNER]
{{- end }}

{{- /*
  Where the hub sees the certificate that people get: at the proxy, or at the name of what is in front of it. Nothing where
  TLS is off, or where nobody says the name.
*/}}
{{- define "coursehub.certificate" -}}
{{- $https := dig "proxy" "https" dict .Values.jupyterhub }}
{{- $ingress := dig "ingress" dict .Values.jupyterhub }}
{{- $route := dig "httpRoute" dict .Values.jupyterhub }}
{{- $names := concat ($https.hosts | default list) ($ingress.hosts | default list) ($route.hostnames | default list) | compact }}
{{- if and $https.enabled (has $https.type (list "secret" "manual" "letsencrypt")) }}
{{- $seen := dict "host" "proxy-public" "port" 443 }}
{{- with $names }}{{ $seen = set $seen "name" (first .) }}{{ end }}
{{- toYaml $seen }}
{{- else if and $names (or $https.enabled (and $ingress.enabled $ingress.tls) $route.enabled) }}
{{- toYaml (dict "host" (first $names) "port" 443) }}
{{- end }}
{{- end }}

{{- /* Of a pod that tries a server out, with nothing but the network and the token of its service. */}}
{{- define "coursehub.spawnTestPod" -}}
{{- $hub := .Values.jupyterhub.hub }}
{{- $base := trimSuffix "/" $hub.baseUrl }}
{{ include "coursehub.pod" . }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65534
  runAsGroup: 65534
  fsGroup: 65534
  seccompProfile: {type: RuntimeDefault}
restartPolicy: Never
containers:
  - name: spawn-test
    {{- include "coursehub.container" . | nindent 4 }}
    command: [python3, -P, -B, -m, coursehub.spawntest]
    args:
      - --hub=http://hub:8081{{ $base }}/hub
      - --proxy={{ .Values.monitoring.spawnTest.url | default (printf "http://proxy-public%s" $base) }}
      - --token=/etc/coursehub/token
    resources:
      requests: {cpu: 20m, memory: 96Mi}
      limits: {memory: 256Mi}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
    volumeMounts:
      - {name: token, mountPath: /etc/coursehub, readOnly: true}
volumes:
  - name: token
    secret:
      secretName: hub
      defaultMode: 0440
      items:
        - {key: hub.services.coursehub-spawn-test.apiToken, path: token}
{{- end }}

{{- /* The labels by which upstream's policies let it reach the hub and the proxy. */}}
{{- define "coursehub.spawnTestLabels" -}}
app.kubernetes.io/component: spawn-test
hub.jupyter.org/network-access-hub: "true"
hub.jupyter.org/network-access-proxy-http: "true"
{{- end }}

{{- /* By which policies take a pod for a server. */}}
{{- define "coursehub.serverLabels" -}}
app: {{ dig "nameOverride" "" .Values.jupyterhub | default "jupyterhub" }}
component: singleuser-server
release: {{ .Release.Name | quote }}
hub.jupyter.org/network-access-hub: "true"
{{- end }}

{{- /* The values that the hub, the check and the command read, as the file site.yaml. */}}
{{- define "coursehub.site" -}}
{{- $site := pick .Values "timezone" "minimumUid" "admins" "images" "groups" "nodes" "courseGids" "courseEnvironment" "siteModule" "general" "maximum" "identity" "servers" "cull" "quotas" "usage" }}
{{- $site = set $site "version" .Chart.Version }}
{{- with .Values.monitoring.spawnTest }}
{{- if .enabled }}
{{- $site = set $site "spawnTest" (pick . "person") }}
{{- end }}
{{- end }}
{{- with include "coursehub.certificate" $ | fromYaml }}
{{- $site = set $site "certificate" . }}
{{- end }}
{{- $data := dict "courses" (include "coursehub.courseConfigMaps" . | fromJsonArray | join " ") }}
{{- with include "coursehub.provisionerUrl" . }}
{{- $site = set $site "provisioner" (dict "url" . "timeout" $.Values.storage.provisioner.timeout) }}
{{- $data = set $data "provisioner" "coursehub-provisioner" }}
{{- end }}
{{- set $data "site.yaml" (toYaml $site | printf "%s\n") | toYaml }}
{{- end }}

{{- /* Where the provisioner listens; nothing without one. */}}
{{- define "coursehub.provisionerUrl" -}}
{{- with .Values.storage.provisioner }}
{{- if .enabled -}}
http://coursehub-provisioner.{{ include "coursehub.storageNamespace" $ }}.svc:8080
{{- else }}
{{- .url | default "" }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Where the course files are, by name; none where they are on a volume. */}}
{{- define "coursehub.courseConfigMaps" -}}
{{- ternary list (concat (list "coursehub-courses") (.Values.courses.existingConfigMaps | default list)) (not (empty .Values.courses.existingClaim)) | toJson }}
{{- end }}

{{- /* As upstream names it. */}}
{{- define "coursehub.hubServiceAccount" -}}
{{- $account := .Values.jupyterhub.hub.serviceAccount | default dict }}
{{- get $account "name" | default (ternary "hub" "default" (dig "create" true $account)) }}
{{- end }}

{{- /* The course files, byte by byte. */}}
{{- define "coursehub.courses" -}}
{{- $data := dict }}
{{- range $name, $text := .Values.courses.files }}
{{- $data = set $data (printf "%s.yaml" $name) $text }}
{{- end }}
{{- toYaml $data }}
{{- end }}
