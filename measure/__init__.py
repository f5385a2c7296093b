"""How right is the audit? It is compared with what people wrote down about real code: see `measure/README.md`."""
