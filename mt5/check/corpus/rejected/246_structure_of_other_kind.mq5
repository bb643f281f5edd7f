// 246: Another structure is assigned.
struct Leg { int side; };
struct Pair { int side; };
void OnTick() { Leg leg; Pair pair; pair.side = 1; leg = pair; Print(leg.side); }
