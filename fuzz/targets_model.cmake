trinity_fuzz(model_config LINK trinity_model)
trinity_fuzz(router_messages LINK trinity_text)
