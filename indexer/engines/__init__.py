"""Where problems are indexed and looked up: one module per engine, one contract for all."""
