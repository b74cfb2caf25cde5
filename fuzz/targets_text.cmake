trinity_fuzz(tokenizer_json LINK trinity_text)
trinity_fuzz(encode LINK trinity_text)
trinity_fuzz(chat_template LINK trinity_text)
