// 167: A void function returns a value.
void Nothing() { return 1; }
void OnTick() { Nothing(); }
