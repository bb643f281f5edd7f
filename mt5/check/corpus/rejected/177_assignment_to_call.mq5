// 177: The result of a function is assigned to.
void OnTick() { StringLen("a") = 2; }
