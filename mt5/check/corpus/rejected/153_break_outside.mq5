// 153: break outside of a loop.
void OnTick() { break; }
