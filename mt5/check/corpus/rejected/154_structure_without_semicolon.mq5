// 154: A structure without its semicolon.
struct Leg { int side; }
void OnTick() { Leg leg; leg.side = 1; }
