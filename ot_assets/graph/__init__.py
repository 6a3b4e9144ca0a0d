"""Recipe -> assets: how a node is executed, checked, described, and shown to Dagster."""
