print("culvertctl")
