"""The composition root: the only place that imports everything."""
