{{- define "coursehub.labels" -}}
app.kubernetes.io/name: coursehub
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /*
  By which upstream's own selectors find a part of it, such as `(list . "hub")`. What selects here goes by component and
  release, which no value of upstream's changes: servers that run on under an earlier nameOverride stay held.
*/}}
{{- define "coursehub.upstreamLabels" -}}
{{- $root := first . }}
{{- include "jupyterhub.matchLabels" (merge (dict "componentLabel" (last .) "Template" $root.Template) $root.Subcharts.jupyterhub) }}
{{- end }}

{{- /* The hub itself, for pods of ours. */}}
{{- define "coursehub.hubUrl" -}}
http://{{ include "jupyterhub.hub.fullname" .Subcharts.jupyterhub }}:8081{{ trimSuffix "/" .Values.jupyterhub.hub.baseUrl }}/hub
{{- end }}

{{- /*
  The token of a service of ours, as the files `given` and `token`: as to the hub, what is in hub.existingSecret goes before
  what the chart made.
*/}}
{{- define "coursehub.serviceToken" -}}
{{- $upstream := (first .).Subcharts.jupyterhub }}
{{- $key := printf "hub.services.%s.apiToken" (last .) }}
projected:
  defaultMode: 0440
  sources:
    - secret:
        name: {{ include "jupyterhub.hub.fullname" $upstream }}
        items: [{key: {{ $key }}, path: token}]
    {{- with include "jupyterhub.hub-existing-secret.fullname" $upstream }}
    - secret:
        name: {{ . | quote }}
        optional: true
        items: [{key: {{ $key }}, path: given}]
    {{- end }}
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

{{- /* Whether nobody makes directories for the hub: then a pod of ours looks at them. */}}
{{- define "coursehub.onlyLooks" -}}
{{- with .Values.storage.provisioner }}{{ if not (or .enabled .url) }}true{{ end }}{{ end }}
{{- end }}

{{- define "coursehub.lookerSelector" -}}
app.kubernetes.io/name: coursehub
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: looker
{{- end }}

{{- define "coursehub.cullerSelector" -}}
app.kubernetes.io/name: coursehub
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: culler
{{- end }}

{{- define "coursehub.provisionerVolume" -}}
{{ .Release.Namespace }}-coursehub-provisioner
{{- end }}

{{- /* What acts as root mounts it, in its own namespace: a second view of the tree that servers see. */}}
{{- define "coursehub.provisionerClaim" -}}
{{ .Values.storage.provisioner.existingClaim | default "coursehub-provisioner" }}
{{- end }}

{{- define "coursehub.provisionerSelector" -}}
app.kubernetes.io/name: coursehub
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: provisioner
{{- end }}

{{- /* Of every pod of ours, beside its containers and its user: it runs where upstream's own pods do. */}}
{{- define "coursehub.pod" -}}
{{- $upstream := .Subcharts.jupyterhub }}
{{- $hub := $upstream.Values.hub }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $hub.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with concat $upstream.Values.scheduling.corePods.tolerations $hub.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{ include "jupyterhub.coreAffinity" $upstream }}
{{- with include "jupyterhub.imagePullSecrets" (dict "root" $upstream "image" $hub.image) }}
imagePullSecrets: {{ . }}
{{- end }}
{{- end }}

{{- /* Of a pod or container of ours that is nobody in particular: the site can leave its ids to the cluster. */}}
{{- define "coursehub.nobody" -}}
runAsNonRoot: true
{{- if (first .).Values.fixedIds }}
runAsUser: {{ last . }}
runAsGroup: {{ last . }}
{{- end }}
{{- end }}

{{- /* The same of a pod, with files of Secrets that are its group's to read. */}}
{{- define "coursehub.nobodyWithSecrets" -}}
{{ include "coursehub.nobody" . }}
{{- if (first .).Values.fixedIds }}
fsGroup: {{ last . }}
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
{{- $hub := list (dig "hub" "config" "JupyterHub" "subdomain_host" "" .Values.jupyterhub | regexFind "//[^:/]+" | trimPrefix "//") }}
{{- $names := concat $hub ($https.hosts | default list) ($ingress.hosts | default list) ($route.hostnames | default list) | compact }}
{{- if and $https.enabled (has $https.type (list "secret" "manual" "letsencrypt")) }}
{{- $seen := dict "host" (include "jupyterhub.proxy-public.fullname" .Subcharts.jupyterhub) "port" 443 }}
{{- with $names }}{{ $seen = set $seen "name" (first .) }}{{ end }}
{{- toYaml $seen }}
{{- else if and $names (or $https.enabled (and $ingress.enabled $ingress.tls) $route.enabled) }}
{{- toYaml (dict "host" (first $names) "port" 443) }}
{{- end }}
{{- end }}

{{- /* Of a pod that tries a server out, with nothing but the network and the token of its service. */}}
{{- define "coursehub.spawnTestPod" -}}
{{- $public := include "jupyterhub.proxy-public.fullname" .Subcharts.jupyterhub }}
{{ include "coursehub.pod" . }}
securityContext:
  {{- include "coursehub.nobodyWithSecrets" (list . 65534) | nindent 2 }}
  seccompProfile: {type: RuntimeDefault}
restartPolicy: Never
containers:
  - name: spawn-test
    {{- include "coursehub.container" . | nindent 4 }}
    command: [python3, -P, -B, -m, coursehub.spawntest]
    args:
      - --hub={{ include "coursehub.hubUrl" . }}
      - --proxy={{ .Values.monitoring.spawnTest.url | default (printf "http://%s%s" $public (trimSuffix "/" .Values.jupyterhub.hub.baseUrl)) }}
      - --token=/etc/coursehub/given
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
    {{- include "coursehub.serviceToken" (list . "coursehub-spawn-test") | nindent 4 }}
{{- end }}

{{- /* The labels by which upstream's policies let it reach the hub and the proxy. */}}
{{- define "coursehub.spawnTestLabels" -}}
app.kubernetes.io/component: spawn-test
hub.jupyter.org/network-access-hub: "true"
hub.jupyter.org/network-access-proxy-http: "true"
{{- end }}

{{- /* By which policies take a pod for a server. */}}
{{- define "coursehub.serverLabels" -}}
{{ include "coursehub.upstreamLabels" (list . "singleuser-server") }}
hub.jupyter.org/network-access-hub: "true"
{{- end }}

{{- /* The values that the hub, the check and the command read, as the file site.yaml. */}}
{{- define "coursehub.site" -}}
{{- $site := pick .Values "timezone" "minimumUid" "admins" "images" "groups" "nodes" "courseGids" "courseEnvironment" "siteModule" "general" "maximum" "identity" "servers" "autograding" "nbgrader" "classes" "cull" "quotas" "usage" }}
{{- $site = set $site "version" .Chart.Version }}
{{- with .Values.monitoring.spawnTest }}
{{- if .enabled }}
{{- $site = set $site "spawnTest" (pick . "person") }}
{{- end }}
{{- end }}
{{- with include "coursehub.certificate" $ | fromYaml }}
{{- $site = set $site "certificate" . }}
{{- end }}
{{- $https := dig "proxy" "https" "enabled" false .Values.jupyterhub }}
{{- $site = set $site "probe" (dict "host" (include "jupyterhub.proxy-public.fullname" .Subcharts.jupyterhub) "port" (ternary 443 80 $https)) }}
{{- $data := dict "courses" (include "coursehub.courseConfigMaps" . | fromJsonArray | join " ") "authorities" "coursehub-authorities" }}
{{- if .Values.siteModule }}{{ $data = set $data "module" "coursehub-module" }}{{ end }}
{{- if .Values.identity.ldap }}{{ $data = set $data "ldap" "coursehub-ldap" }}{{ end }}
{{- $service := dict "url" (include "coursehub.provisionerUrl" .) "timeout" .Values.storage.provisioner.timeout }}
{{- if include "coursehub.onlyLooks" . }}{{ $service = set $service "makes" false }}{{ end }}
{{- $site = set $site "provisioner" $service }}
{{- $data = set $data "provisioner" "coursehub-provisioner" }}
{{- set $data "site.yaml" (toYaml $site | printf "%s\n") | toYaml }}
{{- end }}

{{- /* Where the provisioner listens, or what only looks. */}}
{{- define "coursehub.provisionerUrl" -}}
{{- with .Values.storage.provisioner }}
{{- if .enabled -}}
http://coursehub-provisioner.{{ include "coursehub.storageNamespace" $ }}.svc:8080
{{- else }}
{{- .url | default "http://coursehub-looker:8080" }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Where the course files are, by name; none where they are on a volume. */}}
{{- define "coursehub.courseConfigMaps" -}}
{{- ternary list (concat (list "coursehub-courses") (.Values.courses.existingConfigMaps | default list)) (not (empty .Values.courses.existingClaim)) | toJson }}
{{- end }}

{{- /* The course files, byte by byte. */}}
{{- define "coursehub.courses" -}}
{{- $data := dict }}
{{- range $name, $text := .Values.courses.files }}
{{- $data = set $data (printf "%s.yaml" $name) $text }}
{{- end }}
{{- toYaml $data }}
{{- end }}
