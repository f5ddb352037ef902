"""The one work order that Scan2Evolve's own documentation shows."""

from typing import Any

Order = dict[str, Any]  # a work order as the API spells it, JSON values, tasks included


def seed_order() -> Order:
    """wo_def456 with its two tasks, each key in its documented place; a new copy every time."""
    john = {"id": "usr_002", "name": "John Smith"}
    return {
        "id": "wo_def456",
        "title": "Replace bearing on Pump A",
        "description": "Bearing failure detected during inspection. Replace and realign shaft.",
        "priority": "HIGH",
        "status": "COMPLETED",
        "location": "Building 3, Level 2",
        "assetId": "asset_456",
        "assetName": "Centrifugal Pump A",
        "estimatedHours": 6.0,
        "actualHours": 4.5,
        "dueDate": "2026-03-15T00:00:00.000Z",
        "startedAt": "2026-03-09T08:00:00.000Z",
        "completedAt": "2026-03-10T14:30:00.000Z",
        "createdBy": {"id": "usr_001", "name": "Jane Doe", "email": "jane.doe@example.com"},
        "assignedTo": {**john, "email": "john.smith@example.com"},
        "assignedToGroup": {"id": "grp_maint", "name": "Maintenance Team"},
        "asset": {
            "id": "asset_456",
            "name": "Centrifugal Pump A",
            "code": "PUMP-A-001",
            "site": {"id": "site_789", "name": "Melbourne Warehouse", "code": "MEL-WH"},
        },
        "sourceInspection": {"id": "ins_012", "inspectionNumber": "INS-2026-0042"},
        "externalId": "CMMS-WO-90215",
        "externalStatus": "Closed",
        "externalUrl": "https://cmms.example.com/work-orders/90215",
        "syncStatus": "SYNCED",
        "lastSyncedAt": "2026-03-10T15:00:00.000Z",
        "rootCause": "Equipment Failure",
        "resolution": "Replaced faulty bearing and realigned shaft",
        "closureNote": "Verified pump operating within spec after repair",
        "tasks": [
            {
                "id": "task_001",
                "taskNumber": "TSK-2026-0101",
                "title": "Remove old bearing",
                "status": "COMPLETED",
                "assignedTo": dict(john),
                "estimatedHours": 2.0,
                "actualHours": 1.5,
                "completionNote": "Old bearing removed, housing cleaned",
                "createdAt": "2026-03-09T08:00:00.000Z",
                "startedAt": "2026-03-09T08:15:00.000Z",
                "completedAt": "2026-03-09T10:00:00.000Z",
            },
            {
                "id": "task_002",
                "taskNumber": "TSK-2026-0102",
                "title": "Install new bearing and realign shaft",
                "status": "COMPLETED",
                "assignedTo": dict(john),
                "estimatedHours": 4.0,
                "actualHours": 3.0,
                "completionNote": "Bearing installed, shaft aligned, test run passed",
                "createdAt": "2026-03-09T10:00:00.000Z",
                "startedAt": "2026-03-09T10:30:00.000Z",
                "completedAt": "2026-03-10T13:45:00.000Z",
            },
        ],
        "createdAt": "2026-03-08T09:30:00.000Z",
        "updatedAt": "2026-03-10T15:00:00.000Z",
    }
