//// chart_in_service
// not_in_program: An object on a chart in a service.
#property service
void OnStart() { Print(ObjectFind(0, "x")); }
//// import
// no_import: A DLL.
#import "user32.dll"
#import
void OnTick() { Print("x"); }
//// local_without_value
// initialize_locals: A local variable without a value.
void OnTick() { int a; a = StringLen("a"); Print(a); }
//// macro_function
// no_macro_functions: A macro with parameters.
#define TWICE(a) ((a) * 2)
void OnTick() { Print(1); }
//// namespace
// outside_subset: A namespace.
namespace Box { int g_size = 1; }
void OnTick() { Print("x"); }
//// new
// no_pointers: An object that must be deleted.
class Box { public: Box() { Print("x"); } };
void OnTick() { delete new Box(); }
//// number_as_condition
// implicit_bool: A number as a condition.
void OnTick() { if(StringLen("a")) Print("x"); }
//// operator
// outside_subset: A user-defined operator.
struct Leg { int side; int operator+(const int a) { return side + a; } };
void OnTick() { Print("x"); }
//// pointer
// no_pointers: A pointer.
class Box { public: Box() { Print("x"); } };
Box *g_box;
void OnTick() { Print("x"); }
//// request_without_values
// zero_request: An uninitialized trade request.
void OnTick() { MqlTradeRequest request; MqlTradeResult result = {}; request.volume = 1; Print(OrderSend(request, result)); }
//// resource
// no_resource: A resource.
#resource "\\Images\\a.bmp"
void OnTick() { Print("x"); }
//// static_member
// no_static_members: A static member, which needs its own definition.
class Box { public: static int s_count; };
int Box::s_count = 0;
void OnTick() { Print("x"); }
//// template
// no_templates: A template.
template<typename T> T Twice(T a) { return a * 2; }
void OnTick() { Print("x"); }
//// timer_in_service
// not_in_program: A timer in a service.
#property service
void OnStart() { Print(EventSetTimer(1)); }
