// 183: else without if.
void OnTick() { else Print("x"); }
