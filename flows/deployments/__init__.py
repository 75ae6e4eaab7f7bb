"""What `miaotui deploy` registers with Prefect's server: the wanted deployments, and how the server comes to hold them.

May import Prefect and the flows that it deploys. Begin with `plan.py` (which deployments a recipe asks for), then `apply.py`.
"""
