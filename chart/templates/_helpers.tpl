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

{{- /* The provisioner acts as root, which the namespace of servers refuses: it has one of its own. */}}
{{- define "coursehub.storageNamespace" -}}
{{ .Release.Namespace }}-storage
{{- end }}

{{- define "coursehub.provisionerVolume" -}}
{{ .Release.Namespace }}-coursehub-provisioner
{{- end }}

{{- define "coursehub.provisionerSelector" -}}
app.kubernetes.io/name: coursehub
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: provisioner
{{- end }}
