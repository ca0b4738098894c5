{{- /*
  Each define below prints one line per problem: what is wrong and what to write instead.
*/}}
{{- define "coursehub.problems" -}}
{{ include "coursehub.problems.storage" . }}
{{ include "coursehub.problems.nfs" . }}
{{ include "coursehub.problems.images" . }}
{{ include "coursehub.problems.singleuserImage" . }}
{{ include "coursehub.problems.identity" . }}
{{ include "coursehub.problems.rules" . }}
{{ include "coursehub.problems.courses" . }}
{{ include "coursehub.problems.size" . }}
{{ include "coursehub.problems.https" . }}
{{ include "coursehub.problems.web" . }}
{{ include "coursehub.problems.dns" . }}
{{ include "coursehub.problems.network" . }}
{{ include "coursehub.problems.hub" . }}
{{ include "coursehub.problems.hubImage" . }}
{{ include "coursehub.problems.earlier" . }}
{{ include "coursehub.problems.database" . }}
{{ include "coursehub.problems.priority" . }}
{{ include "coursehub.problems.monitoring" . }}
{{ include "coursehub.problems.fixed" . }}
{{- end }}

{{- define "coursehub.problems.storage" -}}
{{- $ways := list }}
{{- range list "nfs" "existingClaim" "hostPath" }}
{{- if get $.Values.storage . }}{{ $ways = append $ways (printf "storage.%s" .) }}{{ end }}
{{- end }}
{{- if not $ways }}
- storage: none is given; set one of storage.nfs, storage.existingClaim, storage.hostPath (a cluster of one machine only).
{{- else if gt (len $ways) 1 }}
- storage: {{ join " and " $ways }} are both given; keep one, and set the other to null where another values file gives it.
{{- end }}
{{- with .Values.storage }}
{{- if and .provisioner.enabled .provisioner.url }}
- storage.provisioner: enabled and url are both given, and the hub asks one service; keep one of them.
{{- end }}
{{- if and .existingClaim .provisioner.enabled }}
- storage.provisioner: it has a namespace of its own, and storage.existingClaim is in the release's; turn storage.provisioner.enabled off and use the ssh door on the storage host or storage.provisioner.url, or give the volume by storage.nfs.
{{- end }}
{{- if and .existingClaim .check.schedule }}
- storage.check: it has a namespace of its own, and storage.existingClaim is in the release's; set storage.check.schedule to null and run coursehub course check on the storage host, or give the volume by storage.nfs.
{{- end }}
{{- if and $.Values.courses.existingClaim .check.schedule }}
- storage.check: it has a namespace of its own, and courses.existingClaim is in the release's; set storage.check.schedule to null and run coursehub course check on the storage host, or give the course files by courses.files.
{{- end }}
{{- end }}
{{- with .Values.usage }}
{{- if and (eq .provider "filesystem") (not (include "coursehub.provisionerUrl" $)) }}
- usage.provider: filesystem asks the provisioner's service, and there is none; set storage.provisioner.enabled or storage.provisioner.url, or ask a Prometheus.
{{- end }}
{{- end }}
{{- with .Values.storage.existingClaim }}
{{- if ne . "coursehub-storage" }}
- storage.existingClaim: hub and servers mount the claim coursehub-storage, not {{ . }}; make a claim of that name.
{{- end }}
{{- end }}
{{- end }}

{{- define "coursehub.problems.nfs" -}}
{{- with .Values.storage.nfs }}
{{- range .mountOptions }}
{{- if and $.Values.storage.nfs.version (regexMatch "^(nfs)?vers=|^minorversion=|^v[2-4]" .) }}
- storage.nfs.mountOptions: {{ . }} is another version than storage.nfs.version ({{ $.Values.storage.nfs.version }}) or the same once more; leave it out.
{{- end }}
{{- if has . (list "suid" "dev") }}
- storage.nfs.mountOptions: with {{ . }} a file that one person left could run with the rights of another; leave it out.
{{- end }}
{{- if has . (list "nolock" "local_lock=all" "local_lock=flock") }}
- storage.nfs.mountOptions: with {{ . }} locks end at the node, so where one does not answer a home could have two servers; leave it out.
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "coursehub.problems.images" -}}
{{- if not .Values.general.image }}
- general.image: none is given; write one of the names in images, which now has {{ keys .Values.images | sortAlpha | join ", " | default "none" }}.
{{- end }}
{{- end }}

{{- /* Servers run what images say; only upstream's pullers look at singleuser.image, so it may name one of them. */}}
{{- define "coursehub.problems.singleuserImage" -}}
{{- $known := list "quay.io/jupyterhub/k8s-singleuser-sample:4.4.0" }}
{{- range .Values.images }}
{{- $known = concat $known (kindIs "map" . | ternary (list .) (list (dict "only" .)) | first | values) }}
{{- end }}
{{- with .Values.jupyterhub.singleuser.image }}
{{- $image := printf "%s:%s" .name (toString .tag) }}
{{- if not (has $image $known) }}
- jupyterhub.singleuser.image: {{ $image }} cannot be set here, unless it is one of images; use images and general.image.
{{- end }}
{{- end }}
{{- end }}

{{- define "coursehub.problems.identity" -}}
{{- $identity := .Values.identity }}
{{- if eq $identity.provider "authState" }}
{{- $kept := false }}
{{- range .Values.jupyterhub.hub.config }}{{ if kindIs "map" . }}{{ if .enable_auth_state }}{{ $kept = true }}{{ end }}{{ end }}{{ end }}
{{- if not $kept }}
- identity.provider: authState needs what logins leave; set jupyterhub.hub.config.Authenticator.enable_auth_state to true.
{{- end }}
{{- end }}
{{- end }}

{{- define "coursehub.problems.courses" -}}
{{- $bytes := 0 }}
{{- range .Values.courses.files }}{{ $bytes = add $bytes (len .) }}{{ end }}
{{- if gt $bytes (mul 400 1024 | int64) }}
- courses.files: {{ div (add $bytes 1023) 1024 }} KiB in all, and 400 fit (helm keeps a release in a Secret, which ends at 1 MiB); name groups ("@group") instead of students one by one, take out courses that are archived for good, or bring the files by ConfigMaps of your own (courses.existingConfigMaps) or on a volume (courses.existingClaim).
{{- end }}
{{- range list "files" "existingConfigMaps" }}
{{- if and (get $.Values.courses .) $.Values.courses.existingClaim }}
- courses: {{ . }} and existingClaim are both given, and the hub reads one of them; take one away, and put the files of both to the one that stays.
{{- end }}
{{- end }}
{{- range .Values.courses.existingConfigMaps }}
{{- if has . (list "coursehub-courses" "coursehub-site") }}
- courses.existingConfigMaps: {{ . }} is the chart's own, and always read; take it out of the list, and give a ConfigMap of yours another name.
{{- end }}
{{- end }}
{{- end }}

{{- /* `kubectl apply` keeps an object in an annotation, and those end at 256 KiB; helm's Secret has to hold it too. */}}
{{- define "coursehub.problems.size" -}}
{{- $bytes := include "coursehub.site" . | fromYaml | toJson | len }}
{{- if gt $bytes (mul 250 1024 | int64) }}
- identity.file, quotas: the site's values are {{ div (add $bytes 1023) 1024 }} KiB, and 250 fit (`kubectl apply` keeps an object in an annotation, which ends at 256 KiB); take the people from a directory (identity.provider: ldap, nss or authState), and give quotas to all (quotas.home, quotas.course) and by name only where they are others.
{{- end }}
{{- end }}

{{- define "coursehub.problems.monitoring" -}}
{{- with .Values.monitoring }}
{{- if and .serviceMonitor.enabled (not .from) }}
- monitoring.from: none is given, and the hub takes nothing from other namespaces; write where your Prometheus is, such as {{ list (dict "namespaceSelector" (dict "matchLabels" (dict "kubernetes.io/metadata.name" "monitoring"))) | toJson }}.
{{- end }}
{{- if .spawnTest.enabled }}
{{- $https := dig "proxy" "https" dict $.Values.jupyterhub }}
{{- if and $https.enabled (ne (toString $https.type) "offload") (not .spawnTest.url) }}
- monitoring.spawnTest.url: none is given, and the proxy has https of its own; write the address that browsers open, such as https://jupyter.example.edu.
{{- end }}
{{- if and (eq $.Values.identity.provider "file") (not (hasKey $.Values.identity.file.people .spawnTest.person)) }}
- monitoring.spawnTest.person: {{ .spawnTest.person }} is not in identity.file.people, so every test would fail; add this person there, with a uid of their own.
{{- end }}
{{- if eq $.Values.identity.provider "authState" }}
- monitoring.spawnTest.enabled: with identity.provider authState only a login says who somebody is, and the test does not log in; set it to false, or take another provider.
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "coursehub.problems.https" -}}
{{- $proxy := dig "proxy" "https" "enabled" false .Values.jupyterhub }}
{{- $ingress := and (dig "ingress" "enabled" false .Values.jupyterhub) (dig "ingress" "tls" list .Values.jupyterhub) }}
{{- $gateway := dig "httpRoute" "enabled" false .Values.jupyterhub }}
{{- if not (or $proxy $ingress $gateway .Values.acknowledgePlainHttp) }}
- https is off, so passwords would travel in the clear; set jupyterhub.proxy.https (type secret, or offload behind a proxy of your own), or jupyterhub.ingress with tls, or for a trial acknowledgePlainHttp: true.
{{- end }}
{{- end }}

{{- define "coursehub.problems.web" -}}
{{- $config := .Values.jupyterhub.hub.config.JupyterHub | default dict }}
{{- if get $config "internal_ssl" }}
- jupyterhub.hub.config.JupyterHub.internal_ssl: it would put a Secret into each server, and the gate refuses such a server; leave it out, and let the network plugin encrypt what goes between nodes.
{{- end }}
{{- if and (get $config "cookie_host_prefix_enabled") (not (get $config "subdomain_host")) }}
- jupyterhub.hub.config.JupyterHub.cookie_host_prefix_enabled: at one address for all, browsers would send each server the hub's own cookies; set subdomain_host too, or leave it out.
{{- end }}
{{- end }}

{{- /* Where clouds tell machines' own keys; at one of these addresses a cluster's DNS may be, and nothing else is open. */}}
{{- define "coursehub.metadata" -}}
[169.254.0.0/16, 168.63.129.16/32, 100.100.100.200/32, fe80::/10, fd00:ec2::254/128, fd20:ce::254/128]
{{- end }}

{{- /* Private addresses, and those that providers share among customers. */}}
{{- define "coursehub.private" -}}
[10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16, fc00::/7, fe80::/10]
{{- end }}

{{- define "coursehub.problems.dns" -}}
{{- $closed := omit (include "coursehub.closedPorts" "" | fromYaml) "53" }}
{{- $metadata := list }}
{{- range include "coursehub.metadata" . | fromYamlArray }}{{ $metadata = append $metadata (include "coursehub.bits" .) }}{{ end }}
{{- if not (.Values.network.dns | default dict | values | compact) }}
- network.dns: none is given, and where no name is found no server starts; write where the cluster's DNS is, or where helm kept the values of an earlier chart, upgrade with --reset-then-reuse-values in the place of --reuse-values.
{{- end }}
{{- range $name, $dns := .Values.network.dns }}
{{- if $dns }}
{{- if not $dns.to }}
- network.dns.{{ $name }}.to: empty it would open these ports everywhere; write where this DNS is, such as {{ list (dict "ipBlock" (dict "cidr" "10.96.0.10/32")) | toJson }}, or set network.dns.{{ $name }} to null.
{{- end }}
{{- if not $dns.ports }}
- network.dns.{{ $name }}.ports: empty it would open every port; write those at which this DNS listens, such as [53].
{{- end }}
{{- range $port := $dns.ports }}
{{- with get $closed (toString $port) }}
- network.dns.{{ $name }}.ports: {{ $port }} is no port of a DNS, and {{ . }}; write those at which this DNS listens, such as [53].
{{- end }}
{{- end }}
{{- range $index, $peer := $dns.to }}
{{- $at := printf "network.dns.%s.to.%d" $name $index }}
{{- range $key := list "namespaceSelector" "podSelector" }}
{{- if and (hasKey $peer $key) (not (get $peer $key | default dict | values | compact)) }}
- {{ $at }}.{{ $key }}: empty it would open every {{ trimSuffix "Selector" $key }}; write the labels of the one with DNS, such as {{ dict "matchLabels" (ternary (dict "kubernetes.io/metadata.name" "kube-system") (dict "k8s-app" "kube-dns") (eq $key "namespaceSelector")) | toJson }}.
{{- end }}
{{- range (get $peer $key | default dict).matchExpressions }}
{{- if ne .operator "In" }}
- {{ $at }}.{{ $key }}: the operator {{ .operator }} opens what nobody has named; write the names of the {{ trimSuffix "Selector" $key }}s with DNS by matchLabels, or by the operator In.
{{- end }}
{{- end }}
{{- end }}
{{- if not (or $peer.ipBlock (hasKey $peer "namespaceSelector") (hasKey $peer "podSelector")) }}
- {{ $at }}: it names no place; write an ipBlock, a namespaceSelector or a podSelector.
{{- end }}
{{- with $peer.ipBlock }}
{{- $bits := include "coursehub.bits" (.cidr | default "") }}
{{- if and $bits (lt (len $bits) (ternary 26 122 (hasPrefix "4" $bits))) }}
- {{ $at }}.ipBlock.cidr: {{ .cidr }} is more than the DNS of a cluster, and through a resolver outside data could leave; write the addresses of yours, such as 10.96.0.10/32 (at most a /24, of IPv6 a /120).
{{- end }}
{{- $keys := false }}
{{- range $metadata }}{{ if and $bits (or (hasPrefix . $bits) (hasPrefix $bits .)) }}{{ $keys = true }}{{ end }}{{ end }}
{{- $others := false }}
{{- range $dns.ports }}{{ if ne (int .) 53 }}{{ $others = true }}{{ end }}{{ end }}
{{- if and $keys $others }}
- {{ $at }}.ipBlock.cidr: at {{ .cidr }} clouds tell machines' own keys, so no port but 53 can be open there; write it as an entry of its own with ports [53].
{{- end }}
{{- end }}
{{- end }}
{{- include "coursehub.problems.blocks" (list (printf "network.dns.%s" $name) (list $dns)) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Of the blocks of addresses in a list of rules, whose name is given first. */}}
{{- define "coursehub.problems.blocks" -}}
{{- $name := first . }}
{{- $remedy := "is no range of addresses; write one whose bits behind the length are 0, such as 10.20.0.0/16, 192.0.2.7/32 or 2001:db8::/32" }}
{{- range last . }}
{{- range .to }}
{{- with .ipBlock }}
{{- $block := include "coursehub.bits" (.cidr | default "") }}
{{- if not $block }}
- {{ $name }}: {{ .cidr | default "a block without cidr" }} {{ $remedy }}.
{{- end }}
{{- $cidr := .cidr }}
{{- range .except }}
{{- $bits := include "coursehub.bits" . }}
{{- if not $bits }}
- {{ $name }}: the exception {{ . }} {{ $remedy }}.
{{- else if and $block (or (eq $bits $block) (not (hasPrefix $block $bits))) }}
- {{ $name }}: the exception {{ . }} is {{ ternary "as large as its block or larger" "not inside its block" (hasPrefix $bits $block) }}, {{ $cidr }}, and Kubernetes takes only a part of it; write a smaller range inside {{ $cidr }}, or take the exception out.
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "coursehub.problems.network" -}}
{{- $network := .Values.network }}
{{- $chart := .Values.jupyterhub }}
{{- include "coursehub.problems.blocks" (list "network.egress" $network.egress) }}
{{- range list "hub.networkPolicy" "proxy.chp.networkPolicy" "proxy.traefik.networkPolicy" }}
{{- $rules := $chart }}
{{- range splitList "." (printf "%s.egress" .) }}{{ $rules = get (kindIs "map" $rules | ternary $rules dict) . }}{{ end }}
{{- include "coursehub.problems.blocks" (list (printf "jupyterhub.%s.egress" .) ($rules | default list)) }}
{{- end }}
{{- range $index, $rule := $network.egress }}
{{- if not $rule.to }}
- network.egress.{{ $index }}.to: empty it would open every address, the file server's and the nodes' among them; write the addresses, such as {{ list (dict "ipBlock" (dict "cidr" "198.51.100.0/24")) | toJson }}.
{{- end }}
{{- end }}
{{- range include "coursehub.egress" . | fromYamlArray }}
{{- range .to }}
{{- with .ipBlock }}
{{- $cidr := .cidr }}
{{- $block := include "coursehub.bits" (.cidr | default "") }}
{{- $held := list }}
{{- range .except }}{{ $held = append $held (include "coursehub.bits" .) }}{{ end }}
{{- $open := list }}
{{- range concat (include "coursehub.private" "" | fromYamlArray) (include "coursehub.metadata" "" | fromYamlArray) }}
{{- $bits := include "coursehub.bits" . }}
{{- $inside := and $block (ne $bits $block) (hasPrefix $block $bits) }}
{{- range compact $held }}{{ if hasPrefix . $bits }}{{ $inside = false }}{{ end }}{{ end }}
{{- if $inside }}{{ $open = append $open . }}{{ $held = append $held $bits }}{{ end }}
{{- end }}
{{- with $open }}
- network.egress: {{ $cidr }} opens addresses that are private, or where clouds tell machines' own keys, too; write into its except {{ join ", " . }}.
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- $four := false }}
{{- range $network.campus }}
{{- $bits := include "coursehub.bits" . }}
{{- if hasPrefix "4" $bits }}{{ $four = true }}{{ end }}
{{- if not $bits }}
- network.campus: {{ . }} is no range of addresses; write one whose bits behind the length are 0, such as 192.0.2.0/24 or 2001:db8::/32.
{{- else if eq (len $bits) 2 }}
- network.campus: {{ . }} is every address; write the ranges of your nodes, API server and file server, and to close the rest network.egress: [].
{{- end }}
{{- end }}
{{- with (.Values.storage.nfs | default dict).server }}
{{- $bits := include "coursehub.bitsOfAddress" . }}
{{- $private := false }}
{{- range include "coursehub.private" "" | fromYamlArray }}
{{- if and $bits (hasPrefix (include "coursehub.bits" .) $bits) }}{{ $private = true }}{{ end }}
{{- end }}
{{- $unnamed := ternary (not $network.campus) (not $four) (hasPrefix "6" $bits) }}
{{- if and (not $private) $unnamed $network.egress $chart.singleuser.networkPolicy.enabled }}
- network.campus: {{ ternary "no range of IPv4" "none" (not (empty $network.campus)) }} is given, and storage.nfs.server is {{ ternary "the public address" "a name, which may lead to a public address," (not (empty $bits)) }} {{ . }}; write the ranges where your file server, nodes and API server are, such as [192.0.2.0/24], so that no server reaches them.
{{- end }}
{{- end }}
{{- if not (dig "apiServer" "ports" list $network) }}
- network.apiServer.ports: none is given, and without the API server no server starts; write those of its own addresses, such as [443, 6443].
{{- end }}
{{- $closed := include "coursehub.closedPorts" "" | fromYaml }}
{{- range $key := list "apiServer" "hub" }}
{{- range $port := dig $key "ports" list $network }}
{{- with get $closed (toString $port) }}
- network.{{ $key }}.ports: {{ $port }} would be open at every address, and {{ . }}; take it out, and open it for one address by jupyterhub.hub.networkPolicy.egress.
{{- end }}
{{- end }}
{{- end }}
{{- $asked := dict "usage.prometheus.url" (($.Values.usage.prometheus | default dict).url | default "") }}
{{- range $class, $keys := $chart.hub.config }}
{{- range $key, $url := kindIs "map" $keys | ternary $keys dict }}
{{- if has $key (list "token_url" "userdata_url") }}{{ $asked = set $asked (printf "jupyterhub.hub.config.%s.%s" $class $key) (toString $url) }}{{ end }}
{{- end }}
{{- end }}
{{- range $key, $url := $asked }}
{{- if regexMatch "^http://([^/@]*@)?([^/:]+|\\[[^/]*\\])(/|$)" $url }}
- {{ $key }}: it names no port, and 80 is closed to the hub; write the port into the address, and of a Service (as http://prometheus-server.monitoring.svc:80) the port of its pods into network.hub.ports.
{{- end }}
{{- end }}
{{- end }}

{{- /*
  What the hub's lists must have, also where a site's own replace ours: the share where nothing else looks at it or at what
  siteModule mounts of it, or where one of the lists has it, and the course files on a claim.
*/}}
{{- define "coursehub.hubMountsShare" -}}
{{- $hub := .Values.jupyterhub.hub }}
{{- if or .Values.siteModule (not (include "coursehub.provisionerUrl" .)) }}true{{ end }}
{{- range concat ($hub.extraVolumes | default list) ($hub.extraVolumeMounts | default list) }}
{{- if eq (get . "name" | toString) "coursehub-storage" }}true{{ end }}
{{- end }}
{{- end }}

{{- define "coursehub.hubVolumes" -}}
{{- with .Values.courses.existingClaim }}
- {name: coursehub-courses, persistentVolumeClaim: {claimName: {{ . | quote }}, readOnly: true}}
{{- end }}
{{- if include "coursehub.hubMountsShare" . }}
- {name: coursehub-storage, persistentVolumeClaim: {claimName: coursehub-storage, readOnly: true}}
{{- end }}
{{- end }}

{{- define "coursehub.hubVolumeMounts" -}}
{{- if .Values.courses.existingClaim }}
- {name: coursehub-courses, mountPath: /usr/local/etc/jupyterhub/courses, readOnly: true}
{{- end }}
{{- if include "coursehub.hubMountsShare" . }}
- {name: coursehub-storage, mountPath: /srv/coursehub/share, readOnly: true}
{{- end }}
{{- end }}

{{- define "coursehub.problems.hub" -}}
{{- $hub := .Values.jupyterhub.hub }}
{{- if ne (index .Values.jupyterhub "fullnameOverride" | toJson) (toJson "") }}
- jupyterhub.fullnameOverride: {{ toJson .Values.jupyterhub.fullnameOverride }} cannot be, since the rest of this chart knows the hub and its account by their names; leave it out, and use a namespace of its own for each release.
{{- end }}
{{- range $key := list "extraVolumes" "extraVolumeMounts" }}
{{- $have := list }}
{{- range get $hub $key | default list }}{{ $have = append $have (toJson .) }}{{ end }}
{{- range include (printf "coursehub.%s" (replace "extra" "hub" $key)) $ | fromYamlArray }}
{{- if not (has (toJson .) $have) }}
{{- $or := "" }}
{{- if and (eq .name "coursehub-storage") (include "coursehub.provisionerUrl" $) (not $.Values.siteModule) }}
{{- $or = ", or leave coursehub-storage out of both lists, since the provisioner looks" }}
{{- end }}
- jupyterhub.hub.{{ $key }}: {{ .name }} is missing, since a list of yours replaces the chart's; add {{ toJson . }}{{ $or }}.
{{- end }}
{{- end }}
{{- end }}
{{- $line := "from coursehub.hub.configure import configure; configure(c)" }}
{{- $config := $hub.extraConfig | default dict }}
{{- if ne (get $config "zz-coursehub" | toString) $line }}
- jupyterhub.hub.extraConfig: zz-coursehub is changed or gone, and without it no course exists; remove yours, or set it to {{ toJson $line }}.
{{- end }}
{{- range keys $config | sortAlpha }}
{{- if gt . "zz-coursehub" }}
- jupyterhub.hub.extraConfig: {{ . }} would run after zz-coursehub, which has to be the last; give it a name that sorts before.
{{- end }}
{{- end }}
{{- end }}

{{- /* The package is in the hub's image, and an image of another version has another package. */}}
{{- define "coursehub.problems.hubImage" -}}
{{- $image := .Values.jupyterhub.hub.image }}
{{- $make := printf "make ours in the repository of this chart (docker build --file images/hub/Containerfile --tag REGISTRY/coursehub-hub:%s . && docker push REGISTRY/coursehub-hub:%s)" .Chart.Version .Chart.Version }}
{{- if has ($image.name | default "") (list "" "quay.io/jupyterhub/k8s-hub") }}
- jupyterhub.hub.image: {{ ternary (printf "%v is upstream's and does not hold coursehub" $image.name) "no name is given" (not (empty $image.name)) }}; {{ $make }} and write {{ dict "name" "REGISTRY/coursehub-hub" "tag" .Chart.Version | toJson }}.
{{- else if ne (regexReplaceAll "@sha256:[0-9a-f]{64}$" (toString $image.tag) "") .Chart.Version }}
- jupyterhub.hub.image.tag: {{ $image.tag | default "none" }} is another version than this chart's; write {{ toJson .Chart.Version }}, and if that image is not in your registry yet, {{ $make }}.
{{- end }}
{{- end }}

{{- /* What an earlier version of this chart asked for, and --reuse-values keeps. */}}
{{- define "coursehub.problems.earlier" -}}
{{- $hub := .Values.jupyterhub.hub }}
{{- $maps := "the hub reads its ConfigMaps through the API server" }}
{{- $gone := dict "coursehub-hooks" "the hub's image holds the package" "coursehub-site" $maps "coursehub-courses" $maps "coursehub-provisioner" "the hub reads this Secret through the API server" }}
{{- range $key := list "extraVolumes" "extraVolumeMounts" }}
{{- range get $hub $key | default list }}
{{- $why := get $gone (get . "name" | toString) }}
{{- if and $why (not (and $.Values.courses.existingClaim (eq .name "coursehub-courses") (not .configMap))) }}
- jupyterhub.hub.{{ $key }}: {{ .name }} is no more, since {{ $why }}; take it out of the list.
{{- end }}
{{- end }}
{{- end }}
{{- range $hub.initContainers }}
{{- if and (kindIs "map" .) (eq (get . "name" | toString) "coursehub-database") }}
- jupyterhub.hub.initContainers: coursehub-database is no more, since the hub's image copies the database itself; take it out of the list. A copy is put back by jupyterhub.hub.extraEnv.COURSEHUB_RESTORE.
{{- end }}
{{- end }}
{{- $ours := get (.Values.global | default dict) "coursehub" }}
{{- if and (kindIs "map" $ours) (get ($ours | default dict) "hooksDigest") }}
- global.coursehub.hooksDigest: it is no more, since the hub's image holds the package; take it out, or where helm kept it, upgrade with --reset-then-reuse-values in the place of --reuse-values.
{{- end }}
{{- end }}

{{- /* The database is one file on a volume of its own, or a server of the site's: never a file on the share. */}}
{{- define "coursehub.problems.database" -}}
{{- $hub := .Values.jupyterhub.hub }}
{{- if eq $hub.db.type "sqlite-pvc" }}
{{- if or (not $hub.db.pvc.accessModes) (without $hub.db.pvc.accessModes "ReadWriteOnce" "ReadWriteOncePod") }}
- jupyterhub.hub.db.pvc.accessModes: {{ join ", " $hub.db.pvc.accessModes | default "none" }} cannot be; the hub's database is on a volume of its own that one node writes, so write [ReadWriteOnce].
{{- end }}
{{- end }}
{{- if and (ne $hub.db.type "sqlite-pvc") (hasPrefix "sqlite" (get $hub.db "url" | toString)) }}
- jupyterhub.hub.db.url: a file of SQLite elsewhere has no copies, and on a network share it gets damaged; use jupyterhub.hub.db.type sqlite-pvc.
{{- end }}
{{- if hasKey ($hub.config.JupyterHub | default dict) "db_url" }}
- jupyterhub.hub.config.JupyterHub.db_url: it would go round the copies of the hub's database; use jupyterhub.hub.db.
{{- end }}
{{- range $hub.extraVolumeMounts }}
{{- if regexMatch "^/srv/jupyterhub(/|$)" (clean .mountPath) }}
- jupyterhub.hub.extraVolumeMounts: {{ .name }} cannot be at {{ .mountPath }}, where the hub's database is; mount it elsewhere.
{{- end }}
{{- end }}
{{- end }}

{{- /*
  Keys of upstream that have one right value here, as `key: [that value, what to do instead]`: the plan of a server decides
  nearly all of singleuser. A null is fine everywhere: the plan sets the value then too.
*/}}
{{- define "coursehub.fixed" -}}
hub.consecutiveFailureLimit: [0, "leave it: each refused start counts as a failure, and a limit lets any student end the hub"]
hub.command: [[], "leave it: the image's own entrypoint copies the database and starts the hub"]
hub.allowNamedServers: [false, "leave it: a person has one server"]
hub.loadRoles.coursehub-culler: [{scopes: [list:users, read:users:activity, read:servers, delete:servers], services: [coursehub-culler]}, "leave it: it is all that the culler needs"]
cull.enabled: [false, "use cull, or cull of a course: upstream's culler knows one time for all servers"]
cull.users: [false, "leave it: users are never removed, only their servers"]
cull.adminUsers: [true, "leave it: servers of admins end like others; use cull of a course for those that do not"]
cull.removeNamedServers: [false, "leave it: a person has one server"]
cull.timeout: [3600, "use cull.idle, or cull of a course"]
cull.every: [600, "use cull.every"]
cull.concurrency: [10, "leave it: upstream's culler is off"]
cull.maxAge: [0, "use cull.maxAge, or cull of a course"]
singleuser.uid: [1000, "use identity: a server runs as its person"]
singleuser.fsGid: [100, "use identity, groups and general.groups: a group for all would change the owner of shared files"]
singleuser.cpu.limit: [null, "use general.resources, maximum, or resources of a course"]
singleuser.cpu.guarantee: [null, "use general.resources.guarantee, or resources of a course"]
singleuser.memory.limit: [null, "use general.resources, maximum, or resources of a course"]
singleuser.memory.guarantee: [1G, "use general.resources.guarantee, or resources of a course"]
singleuser.extraResource.limits: [{}, "use general.resources, or resources of a course"]
singleuser.extraResource.guarantees: [{}, "use general.resources, or resources of a course"]
singleuser.storage.type: [none, "use storage"]
singleuser.storage.capacity: [10Gi, "use storage"]
singleuser.storage.homeMountPath: [/home/jovyan, "leave it: a home is at /home/NAME"]
singleuser.storage.extraLabels: [{}, "use storage"]
singleuser.storage.extraVolumes: [null, "use storage, and data of a course"]
singleuser.storage.extraVolumeMounts: [null, "use storage, and data of a course"]
singleuser.storage.static.pvcName: [null, "use storage.existingClaim"]
singleuser.storage.static.subPath: ["{username}", "leave it: the layout of the share is fixed"]
singleuser.storage.dynamic.storageClass: [null, "use storage"]
singleuser.storage.dynamic.pvcNameTemplate: [null, "use storage"]
singleuser.storage.dynamic.volumeNameTemplate: ["volume-{user_server}", "use storage"]
singleuser.storage.dynamic.storageAccessModes: [[ReadWriteOnce], "use storage"]
singleuser.storage.dynamic.subPath: [null, "leave it: the layout of the share is fixed"]
singleuser.extraFiles: [{}, "put the files into an image, or into a course's data"]
singleuser.extraEnv: [{}, "put them into an image"]
singleuser.extraLabels: [{hub.jupyter.org/network-access-hub: "true"}, "leave it: network policies go by labels; use extraAnnotations"]
singleuser.initContainers: [[], "put the work into an image"]
singleuser.extraContainers: [[], "put the work into an image"]
singleuser.events: [true, "leave it: why a server fails is read from them"]
singleuser.lifecycleHooks: [{}, "put the work into an image"]
singleuser.extraPodConfig: [{}, "use nodeSelector, extraTolerations or the affinities"]
singleuser.profileList: [[], "use the course file"]
singleuser.cmd: [jupyterhub-singleuser, "put the work into an image"]
singleuser.defaultUrl: [null, "leave it: a server opens its person's home"]
singleuser.serviceAccountName: [null, "leave it: a server has no access to the cluster"]
singleuser.podNameTemplate: [null, "leave it"]
singleuser.allowPrivilegeEscalation: [false, "leave it: servers keep to the restricted Pod Security level"]
singleuser.cloudMetadata.blockWithIptables: [false, "use network.egress: its container would run as root, which the restricted Pod Security level refuses"]
hub.networkPolicy.egressAllowRules.dnsPortsCloudMetadataServer: [false, "use network.dns"]
hub.networkPolicy.egressAllowRules.dnsPortsKubeSystemNamespace: [false, "use network.dns"]
hub.networkPolicy.egressAllowRules.dnsPortsPrivateIPs: [false, "use network.dns"]
proxy.chp.networkPolicy.egressAllowRules.dnsPortsCloudMetadataServer: [false, "use network.dns"]
proxy.chp.networkPolicy.egressAllowRules.dnsPortsKubeSystemNamespace: [false, "use network.dns"]
proxy.chp.networkPolicy.egressAllowRules.dnsPortsPrivateIPs: [false, "use network.dns"]
proxy.traefik.networkPolicy.egressAllowRules.dnsPortsCloudMetadataServer: [false, "use network.dns"]
proxy.traefik.networkPolicy.egressAllowRules.dnsPortsKubeSystemNamespace: [false, "use network.dns"]
proxy.traefik.networkPolicy.egressAllowRules.dnsPortsPrivateIPs: [false, "use network.dns"]
singleuser.networkPolicy.egressAllowRules.dnsPortsCloudMetadataServer: [false, "use network.dns"]
singleuser.networkPolicy.egressAllowRules.dnsPortsKubeSystemNamespace: [false, "use network.dns"]
singleuser.networkPolicy.egressAllowRules.dnsPortsPrivateIPs: [false, "use network.dns"]
singleuser.networkPolicy.ingress: [[], "leave it: hub and proxy alone come into a server"]
singleuser.networkPolicy.allowedIngressPorts: [[], "leave it: hub and proxy alone come into a server"]
singleuser.networkPolicy.interNamespaceAccessLabels: [ignore, "leave it: hub and proxy alone come into a server"]
singleuser.networkPolicy.egress: [[], "use network.egress: what upstream's policy opens, servers that grade get too"]
singleuser.networkPolicy.egressAllowRules.nonPrivateIPs: [false, "use network.egress: what upstream's policy opens, servers that grade get too"]
singleuser.networkPolicy.egressAllowRules.privateIPs: [false, "use network.egress: what upstream's policy opens, servers that grade get too"]
singleuser.networkPolicy.egressAllowRules.cloudMetadataServer: [false, "use network.egress: what upstream's policy opens, servers that grade get too"]
singleuser.networkTools.image.name: [quay.io/jupyterhub/k8s-network-tools, "leave it: blockWithIptables is off"]
singleuser.networkTools.image.tag: ["4.4.0", "leave it: blockWithIptables is off"]
singleuser.networkTools.image.pullPolicy: [null, "leave it: blockWithIptables is off"]
singleuser.networkTools.image.pullSecrets: [[], "leave it: blockWithIptables is off"]
singleuser.networkTools.resources: [{}, "leave it: blockWithIptables is off"]
{{- end }}

{{- define "coursehub.problems.priority" -}}
{{- $hub := include "coursehub.priorityClassName" . }}
{{- $proxy := dig "proxy" "chp" "extraPodSpec" "priorityClassName" "" .Values.jupyterhub | default "" }}
{{- if ne $hub $proxy }}
- jupyterhub.proxy.chp.extraPodSpec.priorityClassName: {{ $proxy | default "none" }} is not the hub's, {{ $hub | default "none" }}; write the same in both.
{{- end }}
{{- if and $hub (dig "scheduling" "podPriority" "enabled" false .Values.jupyterhub) }}
- jupyterhub.scheduling.podPriority: enabled it gives hub and proxy a second priority class, no higher than that of servers; leave it off, or set priorityClassName in hub.extraPodSpec and proxy.chp.extraPodSpec to null.
{{- end }}
{{- end }}

{{- define "coursehub.problems.fixed" -}}
{{- range $key, $row := include "coursehub.fixed" . | fromYaml }}
{{- $value := $.Values.jupyterhub }}
{{- range splitList "." $key }}
{{- $value = ternary (index (dict "map" $value) "map") dict (kindIs "map" $value) }}
{{- $value = index $value . }}
{{- end }}
{{- if not (has (toJson $value) (list "null" (toJson (first $row)))) }}
- jupyterhub.{{ $key }}: {{ toJson $value | trunc 80 }} cannot be set here; {{ last $row }}.
{{- end }}
{{- end }}
{{- end }}
