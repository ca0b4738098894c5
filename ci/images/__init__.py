"""Images of the local cluster: built from images/, named by what went in, kept as archives outside the checkout."""
