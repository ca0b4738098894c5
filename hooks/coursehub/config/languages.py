"""The languages of notebooks, as their kernels call them: each has a stub of its own in the image."""

LANGUAGES = (
    "bash", "C", "C#", "C++11", "C++14", "C++17", "C++20", "C++23", "clojure", "F#", "fortran", "go", "haskell", "java",
    "javascript", "julia", "kotlin", "lua", "matlab", "ocaml", "octave", "perl", "PowerShell", "prolog", "python", "R",
    "ruby", "rust", "sage", "sas", "scala", "scheme", "sql", "sqlite", "stata", "typescript",
)  # fmt: skip
