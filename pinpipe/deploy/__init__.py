"""What goes to AWS: the artefacts that are built for it, and the calls that deploy them."""
