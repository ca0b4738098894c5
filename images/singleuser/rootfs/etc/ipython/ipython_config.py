"""A full home must not keep a kernel from starting."""

c = get_config()  # noqa: F821  (IPython gives it)

c.HistoryManager.hist_file = "/run/coursehub/data/history.sqlite"
