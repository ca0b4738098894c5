"""A small virtual machine with a real NFS server and client, which the kernel here may lack."""
