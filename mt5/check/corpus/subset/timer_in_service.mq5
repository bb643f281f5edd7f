// not_in_program: A timer in a service.
#property service
void OnStart() { Print(EventSetTimer(1)); }
