// 210: continue outside of a loop.
void OnTick() { continue; }
