trinity_fuzz(safetensors LINK trinity_tensor)
trinity_fuzz(npy LINK trinity_tensor)
trinity_fuzz(json LINK trinity_base)
trinity_fuzz(pin LINK trinity_hub)
