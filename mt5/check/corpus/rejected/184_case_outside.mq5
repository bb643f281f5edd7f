// 184: case outside of a switch.
void OnTick() { case 1: Print("x"); }
