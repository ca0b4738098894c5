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
{{ include "coursehub.problems.origins" . }}
{{ include "coursehub.problems.dns" . }}
{{ include "coursehub.problems.network" . }}
{{ include "coursehub.problems.names" . }}
{{ include "coursehub.problems.hub" . }}
{{ include "coursehub.problems.hubImage" . }}
{{ include "coursehub.problems.earlier" . }}
{{ include "coursehub.problems.database" . }}
{{ include "coursehub.problems.priority" . }}
{{ include "coursehub.problems.monitoring" . }}
{{ include "coursehub.problems.placeholders" . }}
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
{{- $second := printf "make a second claim of the same volume in %s and name it in storage.provisioner.existingClaim (docs/admins/storage.md, Storage by CSI)" (include "coursehub.storageNamespace" $) }}
{{- if and .existingClaim (not .provisioner.existingClaim) .provisioner.enabled }}
- storage.provisioner: it has a namespace of its own, and storage.existingClaim is in the release's; {{ $second }}, or turn storage.provisioner.enabled off and use the ssh door on the storage host or storage.provisioner.url, or give the volume by storage.nfs.
{{- end }}
{{- if and .existingClaim (not .provisioner.existingClaim) .check.schedule }}
- storage.check: it has a namespace of its own, and storage.existingClaim is in the release's; {{ $second }}, or set storage.check.schedule to null and run coursehub course check on the storage host, or give the volume by storage.nfs.
{{- end }}
{{- if and .provisioner.existingClaim (not .existingClaim) }}
- storage.provisioner.existingClaim: without storage.existingClaim the chart makes both claims itself; take it out, or give servers theirs by storage.existingClaim: coursehub-storage.
{{- end }}
{{- if and $.Values.courses.existingClaim .check.schedule }}
- storage.check: it has a namespace of its own, and courses.existingClaim is in the release's; set storage.check.schedule to null and run coursehub course check on the storage host, or give the course files by courses.files.
{{- end }}
{{- end }}
{{- with .Values.usage }}
{{- if and (eq .provider "filesystem") (include "coursehub.onlyLooks" $) }}
- usage.provider: filesystem asks the provisioner's service, and there is none; set storage.provisioner.enabled or storage.provisioner.url, or ask a Prometheus.
{{- end }}
{{- end }}
{{- with .Values.storage.existingClaim }}
{{- if ne . "coursehub-storage" }}
- storage.existingClaim: servers mount the claim coursehub-storage, not {{ . }}; make a claim of that name.
{{- end }}
{{- end }}
{{- end }}

{{- define "coursehub.problems.nfs" -}}
{{- with .Values.storage.nfs }}
{{- range .mountOptions }}
{{- if and $.Values.storage.nfs.version (regexMatch "^(nfs)?vers=|^minorversion=|^v[2-4]" .) }}
- storage.nfs.mountOptions: {{ . }} is another version than storage.nfs.version ({{ $.Values.storage.nfs.version }}) or the same once more; leave it out.
{{- end }}
{{- $option := . }}
{{- range $pattern, $why := include "coursehub.excludedOptions" "" | fromYaml }}
{{- if regexMatch (printf "^(%s)$" $pattern) $option }}
- storage.nfs.mountOptions: with {{ $option }} {{ $why }}; leave it out.
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Options of the mount that take away what docs/admins/storage.md promises of the share. */}}
{{- define "coursehub.excludedOptions" -}}
suid|dev: a file that one person left could run with the rights of another
nolock|local_lock=(all|flock|posix): locks end at the node, so where one does not answer a home could have two servers, and two instructors damage a gradebook
sec=(none|krb5.*|lkey.*|spkm.*)(:.*)?|sec=sys:.+: the file server asks for more than numbers, or takes everybody for nobody, and servers have nothing but their uid and gids
bg: a node that cannot mount the share goes on without it, and homes would begin empty on its own disk
ro: nobody can save anything
(nfs)?vers=2|v2: there are no locks between nodes
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
{{- $hub := .Values.jupyterhub.hub }}
{{- range $class, $traits := $hub.config }}
{{- range $trait := list "admin_users" "admin_groups" }}
{{- if and (kindIs "map" $traits) (get $traits $trait) }}
- jupyterhub.hub.config.{{ $class }}.{{ $trait }}: it makes nobody an admin; write them in admins.
{{- end }}
{{- end }}
{{- end }}
{{- with $hub.loadRoles.admin }}
{{- if or .users .groups }}
- jupyterhub.hub.loadRoles.admin: it makes nobody an admin; write them in admins.
{{- end }}
{{- end }}
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
{{- if has . (list "coursehub-courses" "coursehub-site" "coursehub-authorities" "coursehub-module") }}
- courses.existingConfigMaps: {{ . }} is for something else, and read by its name; take it out of the list, and give a ConfigMap of yours another name.
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
{{- end }}

{{- define "coursehub.problems.origins" -}}
{{- $config := .Values.jupyterhub.hub.config.JupyterHub | default dict }}
{{- $address := get $config "subdomain_host" | default "" }}
{{- $named := regexMatch "^https?://([a-z0-9]([a-z0-9-]*[a-z0-9])?[.])*[a-z]([a-z0-9-]*[a-z0-9])?(:[0-9]{1,5})?$" $address }}
{{- $url := urlParse (ternary $address "" $named) }}
{{- if not $address }}
{{- if not .Values.acknowledgeOneOrigin }}
- jupyterhub.hub.config.JupyterHub.subdomain_host: none is given, so all servers share the hub's address, and whoever opens a link to another's server can lose their account; write https://HOST, with names and a certificate for HOST and *.HOST (docs/security.md), or acknowledgeOneOrigin: true if you can have neither.
{{- end }}
{{- if get $config "cookie_host_prefix_enabled" }}
- jupyterhub.hub.config.JupyterHub.cookie_host_prefix_enabled: at one address for all, browsers would send each server the hub's own cookies; set subdomain_host too, or leave it out.
{{- end }}
{{- else if not $named }}
- jupyterhub.hub.config.JupyterHub.subdomain_host: {{ $address }} is not the address of a host by its name alone; write it as https://jupyter.example.edu.
{{- else }}
{{- $wanted := list $url.hostname (printf "*.%s" $url.hostname) }}
{{- if and (eq $url.scheme "http") (not .Values.acknowledgePlainHttp) }}
- jupyterhub.hub.config.JupyterHub.subdomain_host: {{ $address }} is without https, and people's browsers use https here; write https://{{ $url.host }}.
{{- end }}
{{- if and (dig "proxy" "https" "enabled" false .Values.jupyterhub) (eq (dig "proxy" "https" "type" "letsencrypt" .Values.jupyterhub | toString) "letsencrypt") }}
- jupyterhub.proxy.https.type: letsencrypt gets no certificate for {{ last $wanted }}, where the servers are; take type secret with a certificate for both names, or offload, or leave subdomain_host out and set acknowledgeOneOrigin: true.
{{- end }}
{{- range $where, $names := dict "ingress.hosts" (dig "ingress" "hosts" list .Values.jupyterhub) "httpRoute.hostnames" (dig "httpRoute" "hostnames" list .Values.jupyterhub) }}
{{- if and $names (dig (splitList "." $where | first) "enabled" false $.Values.jupyterhub) }}
{{- range $wanted }}
{{- if not (has . $names) }}
- jupyterhub.{{ $where }}: {{ . }} is missing, and by subdomain_host {{ ternary "the hub is there" "servers are there" (eq . $url.hostname) }}; add it.
{{- end }}
{{- end }}
{{- end }}
{{- end }}
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
{{- $others := include "coursehub.otherPorts" . | fromYaml }}
{{- $more := "is more than the DNS of a cluster, and through a resolver outside data could leave; write the addresses of yours, such as 10.96.0.10/32 (at most 256 in one entry: a /24, of IPv6 a /120)" }}
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
{{- with get $others (toString $port) | default (ternary "" "below 1024 a DNS listens at 53" (or (eq (int $port) 53) (gt (int $port) 1023))) }}
- network.dns.{{ $name }}.ports: {{ $port }} is no port of a DNS, and {{ . }}; write those at which this DNS listens, such as [53].
{{- end }}
{{- end }}
{{- include "coursehub.problems.places" (list (printf "network.dns.%s.to" $name) $dns.to) }}
{{- $count := 0 }}
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
{{- with $peer.ipBlock }}
{{- $bits := include "coursehub.bits" (.cidr | default "") }}
{{- $fixed := sub (len $bits) (ternary 26 122 (hasPrefix "4" $bits)) | int }}
{{- if and $bits (lt $fixed 0) }}
- {{ $at }}.ipBlock.cidr: {{ .cidr }} {{ $more }}.
{{- else if $bits }}
{{- $count = add $count (index (list 256 128 64 32 16 8 4 2 1) $fixed) }}
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
{{- if gt $count 256 }}
- network.dns.{{ $name }}.to: {{ $count }} addresses in all {{ $more }}.
{{- end }}
{{- include "coursehub.problems.blocks" (list (printf "network.dns.%s" $name) (list $dns)) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Of the places of one rule, whose name is given first: what the schema cannot see. */}}
{{- define "coursehub.problems.places" -}}
{{- $name := first . }}
{{- range $index, $peer := last . }}
{{- $labels := or (hasKey $peer "namespaceSelector") (hasKey $peer "podSelector") }}
{{- if not (or (hasKey $peer "ipBlock") $labels) }}
- {{ $name }}.{{ $index }}: it names no place; write an ipBlock, a namespaceSelector or a podSelector.
{{- else if and (hasKey $peer "ipBlock") $labels }}
- {{ $name }}.{{ $index }}: an ipBlock and labels together are no place; write each as a place of its own.
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

{{- /* The same of blocks to which a way out leads: whether they hold what nobody names by a wide one. */}}
{{- define "coursehub.problems.wideBlocks" -}}
{{- $name := first . }}
{{- range last . }}
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
- {{ $name }}: {{ $cidr }} opens addresses that are private, or where clouds tell machines' own keys, too; write into its except {{ join ", " . }}.
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Of rules that upstream's values add for hub and proxy: their name, `to` or `from`, and the rules. */}}
{{- define "coursehub.problems.upstreamRules" -}}
{{- $name := first . }}
{{- $places := index . 1 }}
{{- $ways := list }}
{{- range $index, $rule := last . }}
{{- $at := printf "%s.%d.%s" $name $index $places }}
{{- $peers := get $rule $places | default list }}
{{- if not $peers }}
- {{ $at }}: empty it would open every address and every pod; write {{ ternary "those that it is for" "whom it is for" (eq $places "to") }}, such as {{ list (dict "ipBlock" (dict "cidr" "192.0.2.7/32")) | toJson }}.
{{- end }}
{{- include "coursehub.problems.places" (list $at $peers) }}
{{- range $number, $peer := $peers }}
{{- $labels := concat (dig "namespaceSelector" dict $peer | default dict | values | compact) (dig "podSelector" dict $peer | default dict | values | compact) }}
{{- if and (not $labels) (or (hasKey $peer "namespaceSelector") (hasKey $peer "podSelector")) }}
- {{ $at }}.{{ $number }}: without a label it would open every pod, servers among them; write those of the pods or the namespace that it is for.
{{- end }}
{{- end }}
{{- $ways = append $ways (dict "to" $peers) }}
{{- end }}
{{- include "coursehub.problems.blocks" (list $name $ways) }}
{{- if eq $places "to" }}{{ include "coursehub.problems.wideBlocks" (list $name $ways) }}{{ end }}
{{- end }}

{{- /* Of the way to the gradebooks' databases, which servers that grade have too: it leads to these and nowhere else. */}}
{{- define "coursehub.problems.gradebooks" -}}
{{- $gradebooks := .Values.network.gradebooks | default dict }}
{{- if $gradebooks.to }}
{{- include "coursehub.problems.upstreamRules" (list "network.gradebooks" "to" (list $gradebooks)) }}
{{- if not $gradebooks.ports }}
- network.gradebooks.ports: empty it would open every port; write those at which the databases listen, such as [5432].
{{- end }}
{{- $others := include "coursehub.otherPorts" . | fromYaml }}
{{- range $port := $gradebooks.ports }}
{{- with get $others (toString $port) | default (ternary "names go by network.dns alone" "" (eq (int $port) 53)) }}
- network.gradebooks.ports: {{ $port }} is no port of a database, and {{ . }}; write those at which yours listen, such as [5432].
{{- end }}
{{- end }}
{{- range $gradebooks.to }}
{{- with .ipBlock }}
{{- $bits := include "coursehub.bits" (.cidr | default "") }}
{{- if and $bits (lt (len $bits) (ternary 26 122 (hasPrefix "4" $bits))) }}
- network.gradebooks: {{ .cidr }} is more than databases have, and what grades could send data out; write the addresses of yours, such as 192.0.2.60/32 (at most 256 in one block: a /24, of IPv6 a /120).
{{- end }}
{{- end }}
{{- end }}
{{- else if eq (dig "gradebook" "" (.Values.nbgrader | default dict)) "postgresql" }}
- network.gradebooks: it names no place, and nbgrader.gradebook is postgresql; write where the databases are, such as {to: [{ipBlock: {cidr: 192.0.2.60/32}}], ports: [5432]}.
{{- end }}
{{- end }}

{{- define "coursehub.problems.network" -}}
{{- $network := .Values.network }}
{{- $chart := .Values.jupyterhub }}
{{- include "coursehub.problems.blocks" (list "network.egress" $network.egress) }}
{{- range $part := list "hub" "proxy.chp" "proxy.traefik" }}
{{- range $way, $places := dict "egress" "to" "ingress" "from" }}
{{- $key := printf "%s.networkPolicy.%s" $part $way }}
{{- $rules := $chart }}
{{- range splitList "." $key }}{{ $rules = get (kindIs "map" $rules | ternary $rules dict) . }}{{ end }}
{{- include "coursehub.problems.upstreamRules" (list (printf "jupyterhub.%s" $key) $places ($rules | default list)) }}
{{- end }}
{{- end }}
{{- range $index, $rule := $network.egress }}
{{- if not $rule.to }}
- network.egress.{{ $index }}.to: empty it would open every address, the file server's and the nodes' among them; write the addresses, such as {{ list (dict "ipBlock" (dict "cidr" "198.51.100.0/24")) | toJson }}.
{{- end }}
{{- include "coursehub.problems.places" (list (printf "network.egress.%d.to" $index) $rule.to) }}
{{- range $number, $ports := $rule.ports }}
{{- $at := printf "network.egress.%d.ports.%d" $index $number }}
{{- if and .endPort (kindIs "string" .port) }}
- {{ $at }}: a range of ports begins with a number, and {{ .port }} is none; write both as numbers.
{{- else if and .endPort (lt (int .endPort) (int .port)) }}
- {{ $at }}: the range of ports ends at {{ .endPort }}, before it begins at {{ .port }}; write the lower one as port.
{{- end }}
{{- end }}
{{- end }}
{{- include "coursehub.problems.wideBlocks" (list "network.egress" (include "coursehub.egress" . | fromYamlArray)) }}
{{- $four := false }}
{{- range $network.campus }}
{{- $bits := include "coursehub.bits" . }}
{{- if hasPrefix "4" $bits }}{{ $four = true }}{{ end }}
{{- if not $bits }}
{{- $four = true }}
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
{{- include "coursehub.problems.gradebooks" . }}
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

{{- /* What the hub's lists must have, also where a site's own replace ours: the course files on a claim. */}}
{{- define "coursehub.hubVolumes" -}}
{{- with .Values.courses.existingClaim }}
- {name: coursehub-courses, persistentVolumeClaim: {claimName: {{ . | quote }}, readOnly: true}}
{{- end }}
{{- end }}

{{- define "coursehub.hubVolumeMounts" -}}
{{- if .Values.courses.existingClaim }}
- {name: coursehub-courses, mountPath: /usr/local/etc/jupyterhub/courses, readOnly: true}
{{- end }}
{{- end }}

{{- /* Upstream's names become those of Services and Jobs, and its base URL a part of addresses that are put together here. */}}
{{- define "coursehub.problems.names" -}}
{{- $prefix := include "jupyterhub.fullname" .Subcharts.jupyterhub }}
{{- if not (regexMatch "^([a-z]([a-z0-9-]{0,42}[a-z0-9])?)?$" $prefix) }}
- jupyterhub.fullnameOverride: {{ toJson .Values.jupyterhub.fullnameOverride }} makes names that begin with {{ $prefix }}, and those of Services begin with a letter and have room for 44 of a-z, 0-9 and -; write another, such as teaching, or "" for names without it.
{{- end }}
{{- $base := .Values.jupyterhub.hub.baseUrl }}
{{- if or (not (regexMatch "^/([A-Za-z0-9._~-]+/)*([A-Za-z0-9._~-]+)?$" $base)) (regexMatch "/[.][.]?(/|$)" $base) }}
- jupyterhub.hub.baseUrl: {{ toJson $base }} is no path of an address; write it from its first slash to its last, such as {{ printf "/%s/" (trimAll "/" $base | regexFind "^[A-Za-z0-9_~-][A-Za-z0-9._~-]*$" | default "jupyter") }}.
{{- end }}
{{- if and (include "coursehub.actsAsRoot" .) (gt (len (include "coursehub.storageNamespace" .)) 63) }}
- storage: the namespace {{ .Release.Namespace }} has {{ len .Release.Namespace }} letters, and provisioner and check have one that is called so with -storage behind, which ends at 63; install into one of 55 at most, or leave storage.provisioner.enabled and storage.check.schedule off.
{{- end }}
{{- end }}

{{- define "coursehub.problems.hub" -}}
{{- $hub := .Values.jupyterhub.hub }}
{{- range $key := list "extraVolumes" "extraVolumeMounts" }}
{{- $have := list }}
{{- range get $hub $key | default list }}{{ $have = append $have (toJson .) }}{{ end }}
{{- range include (printf "coursehub.%s" (replace "extra" "hub" $key)) $ | fromYamlArray }}
{{- if not (has (toJson .) $have) }}
- jupyterhub.hub.{{ $key }}: {{ .name }} is missing, and the hub reads the course files there; add {{ toJson . }}.
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
{{- $gone := dict "coursehub-hooks" "the hub's image holds the package" "coursehub-site" $maps "coursehub-courses" $maps "coursehub-provisioner" "the hub reads this Secret through the API server" "coursehub-storage" "the hub never mounts the share: the provisioner looks, or coursehub-looker" }}
{{- range $key := list "extraVolumes" "extraVolumeMounts" }}
{{- range get $hub $key | default list }}
{{- $claim := get (get . "persistentVolumeClaim" | default dict) "claimName" }}
{{- $why := get $gone (eq (toString $claim) "coursehub-storage" | ternary $claim (get . "name" | toString)) }}
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
{{- if has $hub.db.type (list "postgres" "mysql" "other") }}
{{- $example := get (dict "mysql" "mysql+pymysql://USER@HOST/DATABASE") $hub.db.type | default "postgresql+psycopg2://USER@HOST/DATABASE" }}
{{- if not (or (get $hub.db "url") (get $hub "existingSecret")) }}
- jupyterhub.hub.db.url: type {{ $hub.db.type }} needs it, since without it the database is a file in the hub's container that each restart forgets; write {{ $example }}.
{{- else if regexMatch "^postgres[+:]" (get $hub.db "url" | toString) }}
- jupyterhub.hub.db.url: the hub knows no database of the name postgres; write {{ $example }}.
{{- end }}
{{- end }}
{{- if hasKey ($hub.config.JupyterHub | default dict) "db_url" }}
- jupyterhub.hub.config.JupyterHub.db_url: it would go round the copies of the hub's database; use jupyterhub.hub.db.
{{- end }}
{{- range $hub.extraVolumeMounts }}
{{- if regexMatch "^/srv/jupyterhub(/|$)" (clean .mountPath) }}
- jupyterhub.hub.extraVolumeMounts: {{ .name }} cannot be at {{ .mountPath }}, {{ ternary "where the hub's database is; mount it elsewhere" "which is for a database that is a file; all that the hub keeps is in its database, so leave it out" (eq $hub.db.type "sqlite-pvc") }}.
{{- end }}
{{- end }}
{{- end }}

{{- /*
  Keys of upstream that have one right value here, as `key: [that value, what to do instead]`: the plan of a server decides
  nearly all of singleuser. A null is fine everywhere: the plan sets the value then too. What a site has written is not said:
  it may be a secret.
*/}}
{{- define "coursehub.fixed" -}}
hub.consecutiveFailureLimit: [0, "leave it: each refused start counts as a failure, and a limit lets any student end the hub"]
hub.concurrentSpawnLimit: [64, "use servers.startsAtOnce.most: whoever comes later waits for their turn and is not sent away"]
hub.cookieSecret: [null, "write it as hub.config.JupyterHub.cookie_secret, or leave it out: helm makes one"]
proxy.secretToken: [null, "write it as hub.config.ConfigurableHTTPProxy.auth_token, or leave it out: helm makes one"]
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
- jupyterhub.{{ $key }}: another value than the default cannot be set here; {{ last $row }}.
{{- end }}
{{- end }}
{{- end }}
