# Every target is a line or two over a command that runs the same by hand.
SHELL := bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv/bin
# The site's values and the course file that `make up` installs.
export VALUES ?= values/local.yaml
export COURSES ?= values/courses.yaml
# Upstream's chart: an archive or a folder. Without it the chart's own dependency, or else the stand-in, is taken.
export Z2JH_CHART ?=
# Where an environment forbids it, each of a run's many processes would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

# Which JupyterHub and KubeSpawner `make hub` takes: pinned, as in the hub's image, or newest.
export JUPYTERHUB ?= pinned

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: venv
venv: .venv/complete ## make .venv with the locked development dependencies and the coursehub command
.venv/complete: requirements-dev.txt ci/venv.sh
	@PYTHON="$(PYTHON)" ci/venv.sh

.PHONY: up
up: venv ## make the local cluster (NODES=2: of two nodes), build the images, install the chart, say the address (CLUSTER=current: your kubectl context)
	@$(VENV)/python -m ci.deploy up

.PHONY: down
down: ## end the local cluster and remove its state; caches stay
	@$(PYTHON) -m ci.cluster down

.PHONY: status
status: venv ## say what runs; exit 1 when something is wrong
	@$(VENV)/python -m ci.deploy status

.PHONY: info
info: venv ## one JSON line: url, kubeconfig, namespace, chart, password, people
	@$(VENV)/python -m ci.deploy info

.PHONY: programs
programs: ## build the local cluster's programs, helm among them, and linters, that the cache lacks
	@$(PYTHON) -m ci.cluster programs

.PHONY: check
check: venv programs ## lint, types, generated files, unit and chart tests; no network
	@ci/check.sh

.PHONY: test
test: venv ## all tests, and benchmarks with small numbers; two parts beside each other, with each part's time and its slowest tests
	@$(VENV)/python -m ci.parts

.PHONY: hub
hub: venv ## a real JupyterHub with the hooks, Kubernetes' API replaced (JUPYTERHUB=newest: the newest it is tested with, and unit tests)
	@ci/hub.sh

.PHONY: directory
directory: venv ## a real slapd and a real name service, asked as the hub asks them
	@ci/directory.sh

.PHONY: ssh
ssh: venv ## a real sshd with the key of the ssh door, which does nothing but its requests; as root
	@ci/ssh.sh

.PHONY: gradebook
gradebook: venv ## three instructors and a real PostgreSQL, which has their course's gradebook; as root
	@ci/gradebook.sh

.PHONY: nfs
nfs: venv ## modes, owners and refusals on a real NFS server with root_squash, in a virtual machine
	@$(VENV)/pytest tests/nfs

.PHONY: e2e
e2e: venv ## browser and API tests against the hub that `make up` installed
	@ci/e2e.sh tests/e2e -m "not alone" --numprocesses 4; beside=$$?; ci/e2e.sh tests/e2e -m alone && exit $$beside

.PHONY: alerts
alerts: venv ## each rule of the alerts by promtool: fires when that happens, and is silent when all is well
	@ci/alerts.sh

.PHONY: monitoring
monitoring: venv ## a real Prometheus: what alerts look at is there and they fire, each query of the dashboard has data
	@ci/monitoring.sh

.PHONY: drills
drills: drills-one-node ## kill, cut off and take over the local cluster, drain and lose a node; disturbs whatever runs on it
	@$(VENV)/pytest tests/drills/test_two_nodes.py

.PHONY: drills-one-node
drills-one-node: venv ## those of them that need no second node
	@ci/packages.sh slapd=/usr/sbin/slapd
	@$(VENV)/pytest tests/drills --ignore=tests/drills/test_two_nodes.py

.PHONY: soak
soak: venv ## both JupyterHubs, PostgreSQL, and what graders and drills do once, SOAK times (100): hours; disturbs whatever runs on the local cluster
	@JUPYTERHUB=pinned ci/hub.sh
	@JUPYTERHUB=newest ci/hub.sh
	@COURSEHUB_TEST_DATABASE=postgresql ci/hub.sh
	@SOAK=$${SOAK:-100} $(PYTHON) -m ci.images test singleuser
	@SOAK=$${SOAK:-100} ci/gradebook.sh
	@ci/packages.sh slapd=/usr/sbin/slapd
	@SOAK=$${SOAK:-100} $(VENV)/pytest tests/drills

.PHONY: bench
bench: venv ## measure beside plain z2jh on the same cluster, and the next two; prints the tables for docs/measurements.md
	@$(VENV)/python -m tests.bench

.PHONY: bench-smoke
bench-smoke: venv ## all that measures with small numbers, which say only that it runs
	@BENCH=smoke $(VENV)/python -m tests.bench starts queue crowd room footprint formgrader grading
	@BENCH=smoke $(VENV)/python -m tests.bench.hooks
	@BENCH=smoke $(VENV)/python -m tests.bench.before_login
	@BENCH=smoke $(VENV)/python -m tests.bench.server_inside

.PHONY: bench-before-login
bench-before-login: venv ## measure what strangers can do to a hub with and without bounds; needs no cluster
	@$(VENV)/python -m tests.bench.before_login

.PHONY: bench-server-inside
bench-server-inside: venv ## measure a server's start in its image beside plain jupyterhub.singleuser; needs no cluster
	@$(VENV)/python -m tests.bench.server_inside

.PHONY: bench-hooks
bench-hooks: venv ## measure the hub's own work: plan, gate, form, reload, check; needs no cluster
	@$(VENV)/python -m tests.bench.hooks

.PHONY: bench-footprint
bench-footprint: venv ## measure what hub and proxy take with 1, 20 and 100 running servers
	@$(VENV)/python -m tests.bench.footprint

.PHONY: bench-formgrader
bench-formgrader: venv ## measure Formgrader's pages, with a class and with submissions as large as they are shown
	@$(VENV)/python -m tests.bench.formgrader

.PHONY: bench-grading
bench-grading: venv ## measure autograding beside nbgrader's own and an empty pod
	@$(VENV)/python -m tests.bench.grading

.PHONY: images
images: ## build the images that are missing
	@$(PYTHON) -m ci.images build

.PHONY: images-test
images-test: images ## run each image's own test inside it, but where both have passed as they are (AGAIN=1: there too)
	@$(PYTHON) -m ci.images test

.PHONY: docs
docs: venv ## write the generated files: values schema, version, docs/reference, examples in the pages, the dashboard
	@$(VENV)/python -m ci.chart schema
	@$(VENV)/python -m ci.reference
	@$(VENV)/python -m ci.dashboard
	@$(VENV)/python -m ci.chart version

.PHONY: pictures
pictures: venv ## take docs/pictures anew from the hub that `make up` installed
	@COURSEHUB_PICTURES=$(CURDIR)/docs/pictures ci/e2e.sh tests/e2e/test_term.py

.PHONY: package
package: ## package the chart with upstream's z2jh into dist/
	@$(PYTHON) -m ci.chart package dist

.PHONY: wheel
wheel: venv ## the coursehub command as a wheel in dist/, with its man page and completions
	@$(VENV)/python -m ci.wheel dist

# With PUBLISH=--dry-run what follows only says what it would do.
PUBLISH ?=

.PHONY: publish-tools
publish-tools: ## put helm and cosign, pinned, where Go puts programs
	@ci/publish-tools.sh

.PHONY: release-version
release-version: ## take the digest off the version, to publish the tag TAG; do not commit that
	@$(PYTHON) -m ci.chart version --release

.PHONY: publish-images
publish-images: ## build the images for amd64 and arm64 and push them to COURSEHUB_REGISTRY
	@$(PYTHON) -m ci.publish $(PUBLISH) images

.PHONY: publish-chart
publish-chart: ## package the chart and push it to COURSEHUB_REGISTRY
	@$(PYTHON) -m ci.publish $(PUBLISH) chart

.PHONY: publish-sign
publish-sign: ## sign by cosign all that was pushed, and what is in dist/
	@$(PYTHON) -m ci.publish $(PUBLISH) sign

.PHONY: release-notes
release-notes: ## write what the release's page says into dist/notes.md
	@mkdir -p dist && $(PYTHON) -m ci.publish notes > dist/notes.md
