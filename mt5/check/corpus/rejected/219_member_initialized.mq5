// 219: A member with a value at its declaration.
struct Leg { int side = 1; };
void OnTick() { Leg leg; leg.side = 1; }
