print("culvertd")
