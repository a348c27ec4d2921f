"""Where posts are sent: a route for each pipeline, both through API Gateway."""
