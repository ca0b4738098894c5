"""A full home must not keep a kernel from starting, and no file beside a notebook takes an installed module's place."""

c = get_config()  # noqa: F821  (IPython gives it)

c.HistoryManager.hist_file = "/run/coursehub/data/history.sqlite"

# IPython would put the working directory before what is installed, and a kernel import a tornado.py that lies there.
c.InteractiveShellApp.ignore_cwd = True
c.InteractiveShellApp.exec_lines = ["__import__('sys').path.append('')"]
