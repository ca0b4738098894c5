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
