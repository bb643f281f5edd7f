// not_in_program: An object on a chart in a service.
#property service
void OnStart() { Print(ObjectFind(0, "x")); }
