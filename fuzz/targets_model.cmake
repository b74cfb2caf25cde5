trinity_fuzz(manifest LINK trinity_bundle)
trinity_fuzz(model_config LINK trinity_model)
trinity_fuzz(router_messages LINK trinity_text)
trinity_fuzz(python_manifest LINK trinity_interchange)
