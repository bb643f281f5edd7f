// 213: The body of a method that is not declared.
class Box { public: Box() { Print("x"); } };
void Box::Show() { Print("y"); }
void OnTick() { Print("x"); }
