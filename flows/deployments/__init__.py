"""What `miaotui deploy` registers with Prefect's server: the wanted deployments, and how the server comes to hold them."""
