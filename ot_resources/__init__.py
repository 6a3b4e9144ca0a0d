"""Everything that touches the outside world: models, containers, the Hub, disk. Never imports ot_assets."""
