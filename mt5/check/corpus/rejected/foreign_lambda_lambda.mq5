// foreign_lambda: A lambda.
void OnTick() { int a = [](int b) { return b; }(1); Print(a); }
