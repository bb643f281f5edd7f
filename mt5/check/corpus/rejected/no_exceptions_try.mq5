// no_exceptions: try and catch.
void OnTick() { try { Print("x"); } catch(int e) { Print(e); } }
