// 129: A member that is declared twice.
struct Leg { int side; double side; };
void OnTick() { Leg leg; leg.side = 1; }
