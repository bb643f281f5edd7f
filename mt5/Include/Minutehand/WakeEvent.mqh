//+------------------------------------------------------------------+
//| The custom event between the service and the expert advisor.     |
//+------------------------------------------------------------------+
#ifndef MINUTEHAND_WAKEEVENT_MQH
#define MINUTEHAND_WAKEEVENT_MQH

// Added to CHARTEVENT_CUSTOM by the terminal.
#define MH_WAKE_EVENT 740

#endif
