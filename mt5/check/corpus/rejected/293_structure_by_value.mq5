// 293: A structure passed by value.
struct Leg { int side; };
void Show(Leg leg) { Print(leg.side); }
void OnTick() { Leg leg; leg.side = 1; Show(leg); }
