// 175: A statement outside of functions.
if(1 > 0) Print("x");
void OnTick() { Print("x"); }
