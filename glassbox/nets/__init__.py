"""Networks: how tables are learned by torch, on CPU and CUDA."""
