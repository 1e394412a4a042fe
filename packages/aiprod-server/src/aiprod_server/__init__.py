"""Jobs that are kept, whatever dies: the queue, keys, webhooks, costs. Knows no model and imports no tensor."""
