"""What students find in place of a solution, by the language of a notebook as its kernel calls it.

Each fails where it runs, as far as the language has a way. nbgrader has those of six languages.
"""

HASH, SLASHES, DASHES = "# YOUR CODE HERE\n", "// YOUR CODE HERE\n", "-- YOUR CODE HERE\n"
_NOTHING = '"No Answer Given!"'

STUBS = {
    "bash": f"{HASH}echo {_NOTHING} >&2; false",
    "C": f"{SLASHES}#error {_NOTHING}",
    "C#": f"{SLASHES}throw new System.NotImplementedException();",
    **dict.fromkeys(("C++11", "C++14", "C++17", "C++20", "C++23"), f"{SLASHES}throw {_NOTHING};"),
    "clojure": f";; YOUR CODE HERE\n(throw (Exception. {_NOTHING}))",
    "F#": f"{SLASHES}failwith {_NOTHING}",
    "fortran": f"! YOUR CODE HERE\nerror stop {_NOTHING}",
    "go": f"{SLASHES}panic({_NOTHING})",
    "haskell": f"{DASHES}undefined",
    "java": "// YOUR CODE HERE",
    **dict.fromkeys(("javascript", "typescript"), f"{SLASHES}throw new Error({_NOTHING});"),
    "julia": f"{HASH}error({_NOTHING})",
    "kotlin": f"{SLASHES}TODO()",
    "lua": f"{DASHES}error({_NOTHING})",
    **dict.fromkeys(("matlab", "octave"), "% YOUR CODE HERE\nerror('No Answer Given!')"),
    "ocaml": f"(* YOUR CODE HERE *)\nfailwith {_NOTHING}",
    "perl": f"{HASH}die {_NOTHING};",
    "PowerShell": f"{HASH}throw {_NOTHING}",
    "prolog": "% YOUR CODE HERE",
    **dict.fromkeys(("python", "sage"), f"{HASH}raise NotImplementedError()"),
    "R": f"{HASH}fail()",
    "ruby": f"{HASH}raise NotImplementedError",
    "rust": f"{SLASHES}todo!()",
    "sas": "/* YOUR CODE HERE */\n %notImplemented;",
    "scala": f"{SLASHES}???",
    "scheme": f";; YOUR CODE HERE\n(error {_NOTHING})",
    **dict.fromkeys(("sql", "sqlite"), "-- YOUR CODE HERE"),
    "stata": "* YOUR CODE HERE\nerror 198",
}
