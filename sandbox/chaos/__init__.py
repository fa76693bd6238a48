"""A campaign of faults against three operators, judged by what PD, the API server and the stores
wrote down: `make chaos SEED=1 MINUTES=15`.
"""
