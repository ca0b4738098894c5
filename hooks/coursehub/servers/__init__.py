"""What a server may be: who may start it, its plan, its manifest and the gate. Pure: no hub, no cluster, no clock."""
